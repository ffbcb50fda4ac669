// What went wrong in the folder of a file store, as a registered error.
import { SaphenaError } from "@saphena/contracts";

export function errnoOf(error: unknown): string | null {
  const code = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : null;
}

export const isAbsent = (error: unknown): boolean => errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR";

/** A SaphenaError for `key` (or the store's folder). Errors that no system call made, such as those of an uploaded stream, pass as they are. */
export function fileError(error: unknown, key: string): unknown {
  if (error instanceof SaphenaError) return error;
  const errno = errnoOf(error);
  switch (errno) {
    case null:
      return error;
    case "EEXIST":
    case "ENOTDIR":
    case "EISDIR":
      return new SaphenaError("OBJECT_KEY_INVALID", `${key}: an object cannot also be a folder of objects in a file:// store`);
    case "ELOOP":
      return new SaphenaError("OBJECT_KEY_INVALID", `${key} is a symbolic link in the store's folder`);
    case "ENOSPC":
    case "EDQUOT":
      return new SaphenaError("STORE_UNREACHABLE", `no space left for ${key}`, { hint: "free space on the disk of SAPHENA_STORE" });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new SaphenaError("STORE_UNREACHABLE", `${errno} for ${key}`, {
        hint: "the folder of SAPHENA_STORE must be writable for this user",
      });
    default:
      return new SaphenaError("STORE_UNREACHABLE", `${errno} for ${key}`);
  }
}
