// Where `saphena train` writes: a folder beside the wanted one, renamed to it when the run is complete. So the wanted folder is either
// absent, empty or whole, and a run that failed is no obstacle to the next try.
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { SaphenaError } from "@saphena/contracts";

export interface OutFolder {
  /** As asked for. */
  readonly folder: string;
  /** Where the run writes until it is complete: `<folder>.unfinished`. */
  readonly workFolder: string;
  keep(): void;
}

/** Throws FOLDER_UNUSABLE when the folder holds something: results of two runs are never mixed. */
export function openOutFolder(path: string): OutFolder {
  const folder = resolve(path);
  const workFolder = `${folder}.unfinished`;
  const hint = "give another with --out";
  try {
    mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length > 0) throw new SaphenaError("FOLDER_UNUSABLE", `${folder} is not empty`, { hint });
    rmSync(workFolder, { recursive: true, force: true });
    mkdirSync(workFolder);
  } catch (cause) {
    if (cause instanceof SaphenaError) throw cause;
    throw new SaphenaError("FOLDER_UNUSABLE", `${folder} (${(cause as NodeJS.ErrnoException).code})`, { hint, cause });
  }
  return { folder, workFolder, keep: () => renameSync(workFolder, folder) };
}
