// `defineSweep`: a sweep file written in TypeScript, with completion and type checks while it is written.
import type { SweepFile } from "@saphena/contracts";

/** Returns its argument. The values are checked when the sweep is submitted, by the same rules as a YAML file. */
export function defineSweep(file: SweepFile): SweepFile {
  return file;
}
