// What a user may write for SWEEP: the id, the beginning of it, the name, or `latest`.
import { SWEEP_ID, SaphenaError } from "@saphena/contracts";
import type { SweepStatus } from "@saphena/contracts";
import type { Client } from "@saphena/client";

export type ReferenceMatch = { type: "one"; id: string } | { type: "none" } | { type: "several"; ids: string[] };

/** Pure: which of `sweeps` is meant. The name counts only when the text is no beginning of an id; of several sweeps of one name none is guessed. */
export function matchReference(reference: string, sweeps: readonly Pick<SweepStatus, "id" | "name" | "submittedAtMs">[]): ReferenceMatch {
  if (reference === "latest") {
    const newest = [...sweeps].sort((a, b) => b.submittedAtMs - a.submittedAtMs)[0];
    return newest === undefined ? { type: "none" } : { type: "one", id: newest.id };
  }
  const beginning = reference.startsWith("swp_") ? reference : `swp_${reference}`;
  const byId = reference === "" ? [] : sweeps.filter(({ id }) => id.startsWith(beginning));
  const found = byId.length > 0 ? byId : sweeps.filter(({ name }) => name === reference);
  if (found.length === 0) return { type: "none" };
  return found.length === 1 ? { type: "one", id: found[0]!.id } : { type: "several", ids: found.map(({ id }) => id) };
}

/** The sweep's id. SWEEP_NOT_FOUND when nothing or more than one sweep fits. */
export async function resolveSweep(client: Client, reference: string): Promise<string> {
  if (SWEEP_ID.test(reference)) return reference;
  const match = matchReference(reference, await client.sweeps());
  if (match.type === "one") return match.id;
  if (match.type === "none") throw new SaphenaError("SWEEP_NOT_FOUND", reference);
  throw new SaphenaError("SWEEP_NOT_FOUND", `${reference} fits ${match.ids.length} sweeps: ${match.ids.slice(0, 5).join(", ")}`, {
    hint: "give more of the id",
  });
}
