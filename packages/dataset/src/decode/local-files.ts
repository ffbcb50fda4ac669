// Files of this machine for the importers.
import { readFile, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { compareText } from "../canonical-json.ts";
import type { FileReader } from "../import/file-reader.ts";

export const localFiles: FileReader = {
  async kind(path) {
    try {
      return (await stat(path)).isDirectory() ? "folder" : "file";
    } catch (error) {
      return isMissing(error) ? "missing" : rethrow(error);
    }
  },

  parent: (path) => dirname(resolve(path)),

  async list(folder) {
    const paths: string[] = [];
    // Not readdir's own recursion: its entries name their folder only from Node 20.12.
    const visit = async (below: string): Promise<void> => {
      for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
        if (entry.name.startsWith(".") || entry.name === "__MACOSX") continue;
        const path = `${below}${entry.name}`;
        if (entry.isDirectory()) await visit(`${path}/`);
        else paths.push(path);
      }
    };
    await visit("");
    return paths.sort(compareText);
  },

  async locate(root, path) {
    const base = await realpath(root);
    let found: string;
    try {
      found = await realpath(resolve(base, path));
    } catch (error) {
      if (!isMissing(error)) throw error;
      // A path that climbs out is told of as such, whether or not there is a file.
      return { kind: isInside(base, resolve(base, path)) ? "missing" : "outside" };
    }
    if (!isInside(base, found)) return { kind: "outside" };
    return (await stat(found)).isDirectory() ? { kind: "folder" } : { kind: "file", path: found };
  },

  read: (path) => readFile(path),
};

function isInside(base: string, path: string): boolean {
  return path === base || path.startsWith(base.endsWith(sep) ? base : base + sep);
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "ENAMETOOLONG";
}

function rethrow(error: unknown): never {
  throw error;
}
