// The decision log of a sweep: numbered segments in the store, each written once, before the change it tells of is made in Redis.
// Create-if-absent orders the writers; the leader's epoch in Redis decides which of them may act.
import { SaphenaError, decisionSchema, sweepKeys } from "@saphena/contracts";
import type { Decision } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";

export interface LoggedDecisions {
  /** The highest segment there is; 0 = none. */
  highest: number;
  decisions: Decision[];
}

const MOST_EDIT_TRIES = 20;

export class DecisionLog {
  readonly #store: ObjectStore;
  /** The highest segment this process knows of. Only a hint: another writer's segment makes the next append lose. */
  readonly #highest = new Map<string, number>();
  /** Appends to one sweep one after the other: the leader and the API of one process share this log. */
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Decisions in segments after `segment`, in order. */
  async readAfter(sweep: string, segment: number): Promise<LoggedDecisions> {
    const numbers = (await this.#segments(sweep)).filter((number) => number > segment);
    const parts = await Promise.all(numbers.map((number) => this.#read(sweep, number)));
    const highest = Math.max(segment, ...numbers);
    this.#highest.set(sweep, highest);
    return { highest, decisions: parts.flat() };
  }

  /** The number of the new segment, or null when another writer has taken it: then read what it wrote and decide anew. */
  append(sweep: string, decisions: readonly Decision[]): Promise<number | null> {
    return this.#inTurn(sweep, async () => {
      const segment = (this.#highest.get(sweep) ?? Math.max(0, ...(await this.#segments(sweep)))) + 1;
      const body = decisions.map((decision) => `${JSON.stringify(decision)}\n`).join("");
      if ((await this.#store.create(sweepKeys.logSegment(sweep, segment), body)) === "lost") {
        this.#highest.delete(sweep);
        return null;
      }
      this.#highest.set(sweep, segment);
      return segment;
    });
  }

  /** What a user asked for depends on nothing that another writer may have written, so it is simply put behind that. */
  async appendEdit(sweep: string, decision: Extract<Decision, { type: "sweepEdited" | "sweepEditRefused" }>): Promise<void> {
    for (let attempt = 0; attempt < MOST_EDIT_TRIES; attempt++) if ((await this.append(sweep, [decision])) !== null) return;
    throw new SaphenaError("SERVER_NOT_READY", `the decision log of ${sweep} is busy`);
  }

  forget(sweep: string): void {
    this.#highest.delete(sweep);
  }

  async #segments(sweep: string): Promise<number[]> {
    const prefix = sweepKeys.log(sweep);
    const numbers: number[] = [];
    for await (const { key } of this.#store.list(prefix)) {
      const match = /^(\d+)\.jsonl$/.exec(key.slice(prefix.length));
      if (match !== null) numbers.push(Number(match[1]));
    }
    return numbers.sort((a, b) => a - b);
  }

  async #read(sweep: string, segment: number): Promise<Decision[]> {
    const text = Buffer.from(await this.#store.get(sweepKeys.logSegment(sweep, segment))).toString();
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => decisionSchema.parse(JSON.parse(line)));
  }

  #inTurn<T>(sweep: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#tails.get(sweep) ?? Promise.resolve()).then(work, work);
    this.#tails.set(sweep, turn);
    const leave = (): void => {
      if (this.#tails.get(sweep) === turn) this.#tails.delete(sweep);
    };
    turn.then(leave, leave);
    return turn;
  }
}
