// Which keys are allowed: those that mean the same on a file system and on S3, and never lead out of the store.
import { SaphenaError } from "@saphena/contracts";

/** The file store's own folder for unfinished files; no key may begin with it. */
export const UNFINISHED_FOLDER = ".saphena-unfinished";

const MAX_KEY_BYTES = 900; // S3 allows 1,024 with the store's prefix
const MAX_SEGMENT_BYTES = 255; // a file name on Linux and macOS

/** Throws OBJECT_KEY_INVALID unless `key` is a relative path of non-empty segments without `.` and `..`, control characters or backslashes. */
export function checkKey(key: string): void {
  const fault = faultOf(key);
  if (fault !== null) throw new SaphenaError("OBJECT_KEY_INVALID", `${JSON.stringify(key)} ${fault}`);
}

/** As `checkKey` for the beginning of a key: may be empty, end in the middle of a segment or with a slash. */
export function checkPrefix(prefix: string): void {
  if (prefix === "") return;
  const fault = faultOf(prefix.endsWith("/") ? `${prefix}x` : prefix, true);
  if (fault !== null) throw new SaphenaError("OBJECT_KEY_INVALID", `${JSON.stringify(prefix)} ${fault}`);
}

function faultOf(key: string, isPrefix = false): string | null {
  if (key === "") return "is empty";
  const bytes = Buffer.from(key);
  if (bytes.toString() !== key) return "is not well-formed Unicode";
  if (bytes.length > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`;
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f\\]/.test(key)) return "has a control character or a backslash";
  const segments = key.split("/");
  for (const [index, segment] of segments.entries()) {
    if (segment === "") return "has an empty segment";
    // The prefix "a/." is the beginning of "a/.hidden".
    const mayGoOn = isPrefix && index === segments.length - 1;
    if (!mayGoOn && (segment === "." || segment === "..")) return `has the segment "${segment}"`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `has a segment longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  if (segments[0] === UNFINISHED_FOLDER) return "is reserved";
  return null;
}
