// Identifiers. A sweep's id is made by the client, so a retried submit is one sweep; all other ids follow from it.

export const SWEEP_ID = /^swp_[0-9a-z]{12}$/;
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** A new sweep id from 12 random bytes. The slight bias of `% 36` does not matter for uniqueness. */
export function sweepIdFrom(randomBytes: Uint8Array): string {
  return `swp_${Array.from(randomBytes.subarray(0, 12), (byte) => ALPHABET[byte % 36]).join("")}`;
}

export interface RunAddress {
  sweep: string;
  trial: number;
  fold: number;
}

/** `<sweep>-<trial>-<fold>`: no `:`, which BullMQ job ids may not hold. */
export function runId({ sweep, trial, fold }: RunAddress): string {
  return `${sweep}-${trial}-${fold}`;
}

export function parseRunId(id: string): RunAddress | null {
  const match = /^(swp_[0-9a-z]{12})-(\d{1,9})-(\d{1,6})$/.exec(id);
  return match === null ? null : { sweep: match[1]!, trial: Number(match[2]), fold: Number(match[3]) };
}

/** The BullMQ job id of one attempt. */
export function jobId(run: string, attempt: number): string {
  return `${run}-${attempt}`;
}
