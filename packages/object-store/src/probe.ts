// Finds out before any work is done whether a store keeps the promise that everything else rests on: of two creators one wins.
import { randomUUID } from "node:crypto";
import { SaphenaError } from "@saphena/contracts";
import type { ObjectStore } from "./object-store.ts";

/** Throws STORE_UNSUITABLE when creates are not exclusive, STORE_UNREACHABLE when the store does not answer. Leaves nothing behind. */
export async function probeConditionalWrites(store: ObjectStore): Promise<void> {
  const key = `probe/${randomUUID()}`;
  const bodies = ["first", "second"].map((name) => `${name} ${randomUUID()}`);
  try {
    const outcomes = await Promise.all(bodies.map((body) => store.create(key, body)));
    const late = await store.create(key, "late");
    const stored = Buffer.from(await store.get(key)).toString();
    const winners = bodies.filter((_, index) => outcomes[index] === "created");
    const fault = faultOf(winners, late, stored);
    if (fault !== null) throw new SaphenaError("STORE_UNSUITABLE", `${fault} at ${store.url}`);
  } finally {
    // What the probe found out counts more than a probe object that could not be removed.
    await store.delete(key).catch(() => undefined);
  }
}

function faultOf(winners: readonly string[], late: "created" | "lost", stored: string): string | null {
  if (winners.length !== 1) return `of two racing creates ${winners.length} won`;
  if (late === "created") return "a create over a stored object was accepted";
  if (stored !== winners[0]) return "the stored object is not the winner's";
  return null;
}
