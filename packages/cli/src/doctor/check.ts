// One line of the report of `saphena doctor`.

export interface Check {
  name: string;
  /** note: not needed, or not there but made when needed. */
  state: "ok" | "note" | "bad";
  detail: string;
  remedy: string | null;
}
