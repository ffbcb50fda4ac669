// Where things are in this clone, from source and from test/dist alike.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function findRoot(folder: string): string {
  if (existsSync(join(folder, "package-lock.json"))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error("not inside the repository");
  return findRoot(parent);
}

export const REPOSITORY: string = findRoot(dirname(fileURLToPath(import.meta.url)));

/** The built entry of a service, as `saphena up` and the containers start it. */
export function serviceEntry(service: "scheduler" | "worker" | "aggregator"): string {
  return join(REPOSITORY, "services", service, "dist", "main.js");
}
export const LAUNCHER: string = join(REPOSITORY, "packages", "cli", "bin", "saphena.mjs");
