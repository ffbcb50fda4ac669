// Which slots of this worker are free. The one that has been free longest goes first: its spare trainer is the most likely to be ready.
import { SaphenaError } from "@saphena/contracts";
import type { Slot } from "@saphena/contracts";

export class SlotTable {
  readonly #free: Slot[];

  constructor(slots: readonly Slot[]) {
    this.#free = [...slots];
  }

  /** There is one for every attempt, because delivery brings no more at once than there are slots. */
  take(): Slot {
    const slot = this.#free.shift();
    if (slot === undefined) throw new SaphenaError("INTERNAL", "an attempt came while no slot was free");
    return slot;
  }

  giveBack(slot: Slot): void {
    this.#free.push(slot);
  }
}
