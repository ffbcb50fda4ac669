// Every Redis key and channel of one namespace, made in one place. The braces put all of them into one cluster slot,
// which the Lua commands need.

export interface RedisKeys {
  readonly prefix: string;
  /** HASH owner, epoch, expiresAtMs: who leads; sweptAtMs: when leases were last looked at. */
  readonly leader: string;
  /** INCR: submit sequence. */
  readonly sequence: string;
  /** ZSET sweep id by submit sequence: all sweeps / those that are not final. */
  readonly sweeps: string;
  readonly activeSweeps: string;
  /** ZSET run id by lease expiry (Redis milliseconds). */
  readonly leases: string;
  /** SET run ids that ended an attempt without a result and wait for the leader's decision. */
  readonly parked: string;
  /** SET `<sweep>/<trial>` whose runs ended or that must stop: the leader's work list. */
  readonly settling: string;
  /** ZSET worker id by last heartbeat (Redis milliseconds). */
  readonly workers: string;
  /** SET of every pool that ever had a run or a worker. */
  readonly pools: string;
  /** STREAM of every state change and result; STREAM of points. */
  readonly outcomes: string;
  readonly points: string;
  /** Channels: wake the leader; tell workers to cancel or release runs. */
  readonly wake: string;
  readonly control: string;
  /** BullMQ's own prefix. */
  readonly bullPrefix: string;
  /** HASH of a sweep: record and counters. */
  sweep(sweep: string): string;
  /** ZSET run id by (trial, fold): runs that may be dispatched. */
  backlog(sweep: string): string;
  /** ZSET trial number by itself: trials of the sweep that are not final. */
  openTrials(sweep: string): string;
  trial(sweep: string, trial: number): string;
  run(run: string): string;
  /** LIST of the newest log lines of a run, for `saphena logs` while it trains. */
  logTail(run: string): string;
  /** HASH run id -> attempt: allocated, not yet known to be in BullMQ. */
  dispatching(pool: string): string;
  /** ZSET run id by dispatch time: in BullMQ, not yet claimed. */
  waiting(pool: string): string;
  worker(worker: string): string;
}

export function redisKeys(namespace: string): RedisKeys {
  const prefix = `{${namespace}}`;
  return {
    prefix,
    leader: `${prefix}:leader`,
    sequence: `${prefix}:sequence`,
    sweeps: `${prefix}:sweeps`,
    activeSweeps: `${prefix}:sweeps:active`,
    leases: `${prefix}:leases`,
    parked: `${prefix}:parked`,
    settling: `${prefix}:settling`,
    workers: `${prefix}:workers`,
    pools: `${prefix}:pools`,
    outcomes: `${prefix}:outcomes`,
    points: `${prefix}:points`,
    wake: `${prefix}:wake`,
    control: `${prefix}:control`,
    bullPrefix: `${prefix}:bull`,
    sweep: (sweep) => `${prefix}:sweep:${sweep}`,
    backlog: (sweep) => `${prefix}:sweep:${sweep}:backlog`,
    openTrials: (sweep) => `${prefix}:sweep:${sweep}:open`,
    trial: (sweep, trial) => `${prefix}:trial:${sweep}:${trial}`,
    run: (run) => `${prefix}:run:${run}`,
    logTail: (run) => `${prefix}:run:${run}:log`,
    dispatching: (pool) => `${prefix}:pool:${pool}:dispatching`,
    waiting: (pool) => `${prefix}:pool:${pool}:waiting`,
    worker: (worker) => `${prefix}:worker:${worker}`,
  };
}
