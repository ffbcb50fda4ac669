// Reading live state. Reads of one tick travel as one pipeline, so asking for many records is one round trip.
import type { LiveRun, LiveSweep, LiveTrial, PoolStatus, WorkerStatus } from "@saphena/contracts";
import type { Connection } from "./connection.ts";
import { SweepRecords, runFrom, sweepFrom, trialFrom, workerFrom } from "./hashes.ts";

export class LiveReads {
  readonly connection: Connection;
  readonly records: SweepRecords = new SweepRecords();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** All sweeps in the order they were submitted. */
  async sweeps(): Promise<LiveSweep[]> {
    return await this.#sweepsOf(this.connection.keys.sweeps);
  }

  /** Those that are not final. */
  async activeSweeps(): Promise<LiveSweep[]> {
    return await this.#sweepsOf(this.connection.keys.activeSweeps);
  }

  async sweep(id: string): Promise<LiveSweep | null> {
    return sweepFrom(await this.#hash(this.connection.keys.sweep(id)), this.records);
  }

  async trial(sweep: string, number: number): Promise<LiveTrial | null> {
    return trialFrom(await this.#hash(this.connection.keys.trial(sweep, number)));
  }

  /** Those of them that exist, in the order asked for. */
  async trials(sweep: string, numbers: number[]): Promise<LiveTrial[]> {
    const trials = await Promise.all(numbers.map((number) => this.trial(sweep, number)));
    return trials.filter((trial) => trial !== null);
  }

  /** Numbers of the trials that are not final, ascending. */
  async openTrials(sweep: string): Promise<number[]> {
    const { client, keys } = this.connection;
    return (await this.connection.send(() => client.zrange(keys.openTrials(sweep), "0", "-1"))).map(Number);
  }

  async run(id: string): Promise<LiveRun | null> {
    return runFrom(await this.#hash(this.connection.keys.run(id)));
  }

  async runs(ids: string[]): Promise<(LiveRun | null)[]> {
    return await Promise.all(ids.map((id) => this.run(id)));
  }

  /** Workers whose last heartbeat is younger than three leases. */
  async workers(): Promise<WorkerStatus[]> {
    const { client, keys, leaseMs } = this.connection;
    const since = (await this.nowMs()) - 3 * leaseMs;
    const ids = await this.connection.send(() => client.zrangebyscore(keys.workers, String(since), "+inf"));
    const workers = await Promise.all(ids.map(async (id) => workerFrom(await this.#hash(keys.worker(id)))));
    return workers.filter((worker) => worker !== null);
  }

  async pools(): Promise<PoolStatus[]> {
    const { client, keys } = this.connection;
    const [names, workers, sweeps] = await Promise.all([
      this.connection.send(() => client.smembers(keys.pools)),
      this.workers(),
      this.activeSweeps(),
    ]);
    const backlogs = await Promise.all(sweeps.map((sweep) => this.connection.send(() => client.zcard(keys.backlog(sweep.record.id)))));
    const waiting = await Promise.all(names.map((pool) => this.connection.send(() => client.zcard(keys.waiting(pool)))));
    const pools = names.map((pool, at): PoolStatus => {
      const own = workers.filter((worker) => worker.pool === pool);
      const backlog = sum(sweeps.map((sweep, index) => (sweep.record.spec.resources.pool === pool ? backlogs[index]! : 0)));
      return {
        pool,
        slots: sum(own.map(({ slots }) => slots)),
        running: sum(own.map(({ running }) => running.length)),
        waiting: waiting[at]!,
        backlog,
        workers: own.length,
        devices: devicesOf(own),
      };
    });
    return pools.toSorted((a, b) => (a.pool < b.pool ? -1 : 1));
  }

  /** Redis TIME: the clock of every time in the live state. */
  async nowMs(): Promise<number> {
    const [seconds, microseconds] = await this.connection.send(() => this.connection.client.time());
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  }

  /** The newest log lines of a run, oldest first. */
  async logTail(run: string): Promise<string[]> {
    return await this.connection.send(() => this.connection.client.lrange(this.connection.keys.logTail(run), "0", "-1"));
  }

  async #sweepsOf(index: string): Promise<LiveSweep[]> {
    const ids = await this.connection.send(() => this.connection.client.zrange(index, "0", "-1"));
    const sweeps = await Promise.all(ids.map((id) => this.sweep(id)));
    return sweeps.filter((sweep) => sweep !== null);
  }

  #hash(key: string): Promise<Record<string, string>> {
    return this.connection.send(() => this.connection.client.hgetall(key));
  }
}

/** Workers that share a device of one machine tell the same of it, the later one the newer; their slots add up. */
function devicesOf(workers: readonly WorkerStatus[]): PoolStatus["devices"] {
  const devices = new Map<string, PoolStatus["devices"][number]>();
  for (const { host, devices: told } of workers.toSorted((a, b) => a.lastSeenMs - b.lastSeenMs)) {
    for (const device of told) {
      const key = JSON.stringify([host, device.id]);
      devices.set(key, { host, ...device, slots: device.slots + (devices.get(key)?.slots ?? 0) });
    }
  }
  return [...devices.values()].toSorted((a, b) => (a.host === b.host ? compare(a.id, b.id) : compare(a.host, b.host)));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
