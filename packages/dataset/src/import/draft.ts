// A row as its source gives it, before any file is opened; manifests and folders both come to this.
import type { Problem } from "./problem.ts";

export interface FilePlace {
  readonly root: string;
  /** Relative to the root. */
  readonly path: string;
}

export interface DraftRow {
  /** Line of the manifest or path of the image. */
  readonly where: string;
  readonly id: string;
  readonly image: FilePlace;
  readonly mask: FilePlace | null;
  /** Before merging. */
  readonly label: string | null;
  readonly group: string | null;
  readonly source: string | null;
  readonly weight: number;
}

export interface Draft {
  readonly rows: DraftRow[];
  /** Rows and files that cannot become a row; left out with `skipBad`. */
  readonly problems: Problem[];
  /** Sentences for the user; nothing is wrong. */
  readonly warnings: string[];
}
