// Which failures are the user's to mend. Only these end a run for good; everything else may be this worker's own trouble (an engine that
// is not set up, a full disk, a store that is away) and is tried again, on whichever worker takes the run then.
import type { AttemptEnd, ErrorCode } from "@saphena/contracts";

/** They come again wherever the run is tried, because they follow from the sweep file or the data. */
const USER_ERRORS: ReadonlySet<string> = new Set<ErrorCode>([
  "LOSS_NOT_FINITE",
  "IMAGE_INVALID",
  "MASK_INVALID",
  "MANIFEST_INVALID",
  "SPLIT_LEAK",
  "SPLIT_IMPOSSIBLE",
  "FOLD_NOT_FOUND",
  "MODEL_CONFIG_INVALID",
  "SWEEP_FILE_INVALID",
  "SWEEP_OBJECTIVE_IMPOSSIBLE",
]);

/** What an attempt that failed with this code ends as. */
export function failureReason(code: string): Extract<AttemptEnd, "userError" | "outOfMemory" | "crashed"> {
  if (code === "OUT_OF_MEMORY") return "outOfMemory";
  return USER_ERRORS.has(code) ? "userError" : "crashed";
}
