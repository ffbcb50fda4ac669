// Tells whether a folder lies on a network file system, where link(2) and fsync may promise less than a local disk does.
import { statfs } from "node:fs/promises";

/** `f_type` of Linux's statfs(2), from linux/magic.h and the file systems' own sources. */
const NETWORK_TYPES: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB2",
  0x01021997: "9P",
  0x65735546: "FUSE",
  0x00c36400: "Ceph",
  0x5346414f: "AFS",
  0x0bd00bd0: "Lustre",
  0x47504653: "GPFS",
  0x19830326: "BeeGFS",
  0x7461636f: "OCFS2",
  0x01161970: "GFS2",
};

/** Its name, or null for a local or unknown one. The type numbers mean this on Linux only. */
export async function networkFileSystemOf(folder: string): Promise<string | null> {
  if (process.platform !== "linux") return null;
  return nameOfFileSystem((await statfs(folder)).type);
}

/** Pure half: statfs may give the 32-bit type with its sign. */
export function nameOfFileSystem(type: number): string | null {
  return NETWORK_TYPES[type >>> 0] ?? null;
}
