// Batches filled by worker threads, a little ahead of the training. There are two places more than there are threads: while the
// training uses one and each thread fills another, one is ready. Packed images are shared with the threads, not copied.
import { Worker } from "node:worker_threads";
import { SaphenaError } from "@saphena/contracts";
import type { Batch, BatchRequest, BatchSource } from "@saphena/dataset";
import type { Filled, FillOrder, FillerStart } from "./filler-messages.ts";
import type { Input, InputParts } from "./input.ts";
import { shareBatch, viewBatch } from "./shared-batch.ts";

/** The built file, also when this one runs from its source: Node 20 starts no thread from TypeScript. */
const FILLER = new URL("../../dist/input/filler-thread.js", import.meta.url);

export function openThreads({ source, requests, batchSize, threads, seed, augment, statistics }: InputParts): Input {
  const room = Array.from({ length: threads + 2 }, () => shareBatch(batchSize, source.inputSize));
  const workerData: FillerStart = { source: shareSource(source), options: { seed, augment, statistics }, room };
  const workers = Array.from({ length: threads }, () => new Worker(FILLER, { workerData, execArgv: [] }));
  return new ThreadedInput(workers, requests, (place, size) => viewBatch(room[place]!, size), room.length);
}

interface Ordered {
  place: number;
  size: number;
  filled: boolean;
}

class ThreadedInput implements Input {
  readonly #workers: readonly Worker[];
  readonly #requests: Iterator<BatchRequest>;
  readonly #view: (place: number, size: number) => Batch;
  readonly #free: number[];
  /** Ordered and not yet taken, by number. */
  readonly #ordered = new Map<number, Ordered>();
  #orders = 0;
  #taken = 0;
  /** Where the batch is that was given last. */
  #inUse: number | null = null;
  #failure: Error | null = null;
  #wake: () => void = () => undefined;

  constructor(workers: readonly Worker[], requests: Iterable<BatchRequest>, view: (place: number, size: number) => Batch, places: number) {
    this.#workers = workers;
    this.#requests = requests[Symbol.iterator]();
    this.#view = view;
    this.#free = Array.from({ length: places }, (_, place) => place);
    for (const worker of workers) {
      worker.on("message", (number: Filled) => this.#note(number));
      worker.on("error", (error) => this.#fail(error));
      worker.on("messageerror", (error) => this.#fail(error));
      // After its error, if there was one.
      worker.on("exit", (code) => this.#fail(new SaphenaError("TRAINER_CRASHED", `an input thread ended with exit code ${code}`)));
    }
  }

  async next(): Promise<Batch> {
    if (this.#inUse !== null) this.#free.push(this.#inUse);
    this.#inUse = null;
    this.#order();
    const wanted = this.#ordered.get(this.#taken);
    while (this.#failure === null && wanted?.filled === false) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#failure !== null) throw this.#failure;
    if (wanted === undefined) throw new RangeError("all batches have been taken");
    this.#ordered.delete(this.#taken++);
    this.#inUse = wanted.place;
    return this.#view(wanted.place, wanted.size);
  }

  async close(): Promise<void> {
    this.#failure ??= new SaphenaError("INTERNAL", "the input was closed");
    this.#wake();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  /** Every free place gets the next batch, the threads in turn. */
  #order(): void {
    while (this.#free.length > 0) {
      const { value: request, done } = this.#requests.next();
      if (done === true) return;
      const number = this.#orders++;
      const place = this.#free.shift()!;
      const { indices, epoch, repeats } = request;
      this.#ordered.set(number, { place, size: indices.length, filled: false });
      // Copies of what may be views of whole epochs: a message carries all the memory behind a view.
      const order: FillOrder = { number, place, request: { indices: indices.slice(), epoch, repeats: repeats?.slice() ?? null } };
      this.#workers[number % this.#workers.length]!.postMessage(order, []);
    }
  }

  #note(number: Filled): void {
    const ordered = this.#ordered.get(number);
    if (ordered === undefined) return this.#fail(new SaphenaError("INTERNAL", `batch ${number} was filled and not ordered`));
    ordered.filled = true;
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

/** The arrays of a pack read from files are in shared memory already; those of one made otherwise are copied there, once. */
function shareSource({ inputSize, images, masks, hasMask, labels, weights }: BatchSource): BatchSource {
  return { inputSize, images: shared(images), masks: shared(masks), hasMask, labels, weights };
}

function shared(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
