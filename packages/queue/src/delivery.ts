// BullMQ, and nothing else here: one queue a pool, one job an attempt. It delivers; our records decide. Its retries and stall checks are
// off, and a job that is lost or delivered twice does no harm because a claim must match the record.
import { SaphenaError, jobId } from "@saphena/contracts";
import { Queue, WaitingError, Worker } from "bullmq";
import type { Job } from "bullmq";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Connection } from "./connection.ts";

const attemptSchema = z.object({ run: z.string(), attempt: z.int().positive() });
export type Attempt = z.infer<typeof attemptSchema>;

/** BullMQ renews it every half; it only has to outlast a busy moment of the worker's process. One that ran out marks an abandoned job. */
const LOCK_MS = 60_000;
/** For the last words to Redis at close. */
const CLOSE_MS = 5_000;

/** The leader's side: adding jobs and looking after them. */
export class JobQueues {
  readonly #connection: Connection;
  readonly #queues = new Map<string, Queue>();
  #client: Redis | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Adds a job for each attempt; one that is there already stays as it is. One round trip. */
  async add(pool: string, attempts: readonly Attempt[]): Promise<void> {
    if (attempts.length === 0) return;
    const jobs = attempts.map(({ run, attempt }) => ({
      name: "run",
      data: { run, attempt },
      opts: { jobId: jobId(run, attempt), attempts: 1, removeOnComplete: true, removeOnFail: true },
    }));
    await this.#queue(pool).addBulk(jobs);
  }

  /** Is the job waiting for a worker, in the hands of one, or nowhere? */
  async whereIs(pool: string, { run, attempt }: Attempt): Promise<"waiting" | "active" | "gone"> {
    const state = await this.#connection.send(() => this.#queue(pool).getJobState(jobId(run, attempt)));
    if (state === "waiting" || state === "prioritized" || state === "delayed") return "waiting";
    return state === "active" ? "active" : "gone";
  }

  /** What workers hold, dead ones included. */
  async active(pool: string): Promise<Attempt[]> {
    const jobs = await this.#connection.send(() => this.#queue(pool).getActive());
    return jobs.flatMap((job) => (job === undefined ? [] : [attemptSchema.parse(job.data)]));
  }

  /** False when a living worker still holds it. */
  async remove(pool: string, { run, attempt }: Attempt): Promise<boolean> {
    return (await this.#connection.send(() => this.#queue(pool).remove(jobId(run, attempt)))) === 1;
  }

  #queue(pool: string): Queue {
    let queue = this.#queues.get(pool);
    if (queue === undefined) {
      this.#client ??= this.#connection.open();
      // The events stream of BullMQ is read by nobody.
      queue = new Queue(pool, { connection: this.#client, prefix: this.#connection.keys.bullPrefix, streams: { events: { maxLen: 10 } } });
      queue.on("error", (error) => reportUnlessOutage(this.#connection, error));
      this.#queues.set(pool, queue);
    }
    return queue;
  }
}

/** BullMQ repeats every failed try to connect; our own client has told of the outage once. */
function reportUnlessOutage(connection: Connection, error: Error & { code?: unknown }): void {
  if (typeof error.code === "string" && /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_)/.test(error.code)) return;
  connection.report(error);
}

/** Delivery of the attempts of one pool to a worker. */
export interface Delivery {
  /** Takes nothing new; what was fetched but not begun goes back. */
  pause(): Promise<void>;
  /** Takes nothing new, waits for what runs, ends the connections. */
  close(): Promise<void>;
}

export interface DeliveryOptions {
  pool: string;
  worker: string;
  slots: number;
  process: (run: string, attempt: number) => Promise<void>;
}

/** Resolves when it is connected. At most `slots` calls of `process` are under way at once. */
export async function startDelivery(connection: Connection, { pool, worker, slots, process }: DeliveryOptions): Promise<Delivery> {
  let paused = false;
  const client = connection.open();
  const underWay = new Set<Promise<void>>();
  const consume = async (job: Job, token?: string): Promise<void> => {
    if (paused) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const { run, attempt } = attemptSchema.parse(job.data);
    const attempted = process(run, attempt).catch((error: unknown) => {
      // It was to handle everything itself. The job ends; the record's lease or the leader's clean-up finds the run again.
      connection.report(
        new SaphenaError("INTERNAL", `attempt ${attempt} of ${run} threw: ${SaphenaError.from(error).message}`, { cause: error }),
      );
    });
    underWay.add(attempted);
    await attempted;
    underWay.delete(attempted);
  };
  const consumer = new Worker(pool, consume, {
    connection: client,
    prefix: connection.keys.bullPrefix,
    name: worker,
    concurrency: slots,
    lockDuration: LOCK_MS,
    skipStalledCheck: true,
    // After an outage BullMQ tries again this often.
    runRetryDelay: 1_000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  // Such as "Missing lock" after an outage: the run is safe in our records, the job is cleaned up by the leader.
  consumer.on("error", (error) => reportUnlessOutage(connection, error));
  await consumer.waitUntilReady();
  return {
    pause: async () => {
      paused = true;
      await consumer.pause(true);
    },
    close: async () => {
      paused = true;
      await consumer.pause(true);
      await Promise.all(underWay);
      await endConsumer(consumer, client);
    },
  };
}

/** Tells BullMQ which jobs are done, if Redis is there to hear it; if not, the leader's clean-up finds them later. */
async function endConsumer(consumer: Worker, client: Redis): Promise<void> {
  const away = client.status !== "ready";
  const closed = consumer.close(away).catch(() => undefined);
  // BullMQ itself would wait for Redis without end; what it still holds open ends with the connection.
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([closed, new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)))]);
  clearTimeout(timer);
  client.disconnect();
}
