// How importers see files, so that they work on a disk, in memory or inside an archive alike. `localFiles` (decode/) reads disks.

/** Paths inside a folder use `/`, whatever the machine. */
export interface FileReader {
  /** What is at a path; links are followed. */
  kind(path: string): Promise<"file" | "folder" | "missing">;
  /** The folder that holds a file. */
  parent(path: string): string;
  /** All files below a folder, sorted by code unit; links are listed, not followed; names that begin with a dot are left out. */
  list(folder: string): Promise<string[]>;
  /** Where a relative path leads. `outside`: it leaves the root, be it by `..`, as an absolute path or through a link. */
  locate(
    root: string,
    relative: string,
  ): Promise<{ kind: "file"; path: string } | { kind: "missing" } | { kind: "folder" } | { kind: "outside" }>;
  read(path: string): Promise<Uint8Array>;
}
