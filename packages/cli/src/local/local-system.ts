// The whole system on one machine: starts Redis, aggregator, scheduler and workers as children, keeps them running, stops them in order.
import { mkdirSync, renameSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { SaphenaError } from "@saphena/contracts";
import { createClient } from "@saphena/client";
import { openStore, probeConditionalWrites } from "@saphena/object-store";
import { inheritedEnvironment } from "../environment.ts";
import { Interrupted } from "../failure.ts";
import { say } from "../terminal.ts";
import { freePort, isPortFree } from "./free-port.ts";
import { prepareRedis } from "./local-redis.ts";
import { startPart, type Part, type PartEnd, type PartSpec } from "./part.ts";
import { endGroup, recordOf } from "./process-identity.ts";
import { probeRedis } from "./redis-probe.ts";
import { servicePaths } from "./service-paths.ts";
import { acquireStateLock, type ChildRecord, type StateLock } from "./state-lock.ts";

export interface LocalSystemOptions {
  stateFolder: string;
  port: number;
  workers: number;
  pool: string;
  namespace: string;
  token: string | undefined;
  /** undefined = start our own. */
  redisUrl: string | undefined;
  /** undefined = a folder in the state folder. */
  storeUrl: string | undefined;
}

const START_LIMIT_MS = 120_000;
const POLL_MS = 100;
const LEFT_OVER_GRACE_MS = 10_000;
/** A worker kills a trainer that writes no checkpoint after twice SAPHENA_RELEASE_GRACE_MS (20 s); then it still has to tell and to upload. */
const GRACE_MS = { worker: 60_000, service: 10_000, redis: 10_000 } as const;
const MOST_LOG_BYTES = 64 * 1024 * 1024;
/** A part that ends this often before all are ready will not come up. */
const MOST_ENDS_AT_START = 3;

async function endLeftOvers({ leftOvers }: StateLock): Promise<void> {
  // In the order of an orderly stop: whoever was started last goes first.
  for (const child of [...leftOvers].reverse()) {
    if (await endGroup(child, LEFT_OVER_GRACE_MS))
      say(`ended ${child.name} (process ${child.pid}), left over by an \`up\` that was killed`);
  }
}

/** `start()` once, then `stop()`; `stop` may come while it starts, and `hurry` while it stops. */
export class LocalSystem {
  readonly url: string;
  readonly logFolder: string;
  private readonly options: LocalSystemOptions;
  private readonly stateFolder: string;
  private lock: StateLock | null = null;
  private redis: Part | null = null;
  private services: Part[] = [];
  private workers: Part[] = [];
  private readonly endsAtStart = new Map<string, PartEnd[]>();
  private isUp = false;
  private stopping: Promise<void> | null = null;
  private hurried = false;

  constructor(options: LocalSystemOptions) {
    this.options = options;
    this.stateFolder = resolve(options.stateFolder);
    this.url = `http://127.0.0.1:${options.port}`;
    this.logFolder = join(this.stateFolder, "logs");
  }

  /** Throws STATE_LOCKED, PORT_IN_USE, CHILD_FAILED, or what a part said before it ended. Nothing is left running then. */
  async start(): Promise<void> {
    makeFolder(this.stateFolder);
    this.lock = acquireStateLock(this.stateFolder);
    try {
      await endLeftOvers(this.lock);
      if (!(await isPortFree(this.options.port))) throw new SaphenaError("PORT_IN_USE", `127.0.0.1:${this.options.port}`);
      await this.startParts();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private async startParts(): Promise<void> {
    mkdirSync(this.logFolder, { recursive: true });
    const storeUrl = this.options.storeUrl ?? pathToFileURL(join(this.stateFolder, "store")).href;
    await checkStore(storeUrl);
    const redisUrl = await this.startRedis();
    const aggregatorPort = await freePort();
    const env = inheritedEnvironment({
      SAPHENA_REDIS_URL: redisUrl,
      SAPHENA_STORE: storeUrl,
      SAPHENA_NAMESPACE: this.options.namespace,
      SAPHENA_PORT: String(this.options.port),
      SAPHENA_AGGREGATOR_PORT: String(aggregatorPort),
      SAPHENA_AGGREGATOR_URL: `http://127.0.0.1:${aggregatorPort}`,
      SAPHENA_INDEX: join(this.stateFolder, "index.duckdb"),
      SAPHENA_POOL: this.options.pool,
      SAPHENA_SLOTS: "1",
    });
    this.services = [
      this.startOne({ name: "aggregator", script: servicePaths.aggregator(), env }),
      this.startOne({ name: "scheduler", script: servicePaths.scheduler(), env }),
    ];
    for (let number = 1; number <= this.options.workers; number++) {
      // Workers of one slot each take the machine's GPUs in turn.
      const own = { ...env, SAPHENA_SLOT_OFFSET: String(number - 1) };
      this.workers.push(this.startOne({ name: `worker-${number}`, script: servicePaths.worker(), env: own }));
    }
    const client = createClient({ url: this.url, token: this.options.token });
    const [aggregator] = this.services;
    await this.until(async () => [aggregator, ...this.workers].every((part) => part?.isReady === true) && (await client.ready()));
    this.isUp = true;
  }

  /** The URL of a Redis that answers. */
  private async startRedis(): Promise<string> {
    if (this.options.redisUrl !== undefined) {
      await probeRedis(this.options.redisUrl);
      return this.options.redisUrl;
    }
    const { url, binary, configPath } = await prepareRedis(this.stateFolder);
    this.redis = this.startOne({
      name: "redis",
      script: servicePaths.redisGuard(),
      args: [binary, configPath],
      env: inheritedEnvironment(),
    });
    await this.until(() =>
      probeRedis(url, 1_000).then(
        () => true,
        () => false,
      ),
    );
    return url;
  }

  private startOne(spec: Omit<PartSpec, "logPath">): Part {
    const logPath = join(this.logFolder, `${spec.name}.log`);
    keepSmall(logPath);
    return startPart({ ...spec, logPath }, { started: () => this.noteChildren(), ended: (end) => this.onEnd(end) });
  }

  /** The lock names whoever runs, so that the next `up` can end what this one could not. */
  private noteChildren(): void {
    // Called from inside startPart for the first start, before the part is in its list: by the next turn it is.
    setImmediate(() => {
      const parts = [this.redis, ...this.services, ...this.workers];
      const children = parts.flatMap((part): ChildRecord[] => (part?.pid == null ? [] : [{ name: part.name, ...recordOf(part.pid) }]));
      if (this.stopping === null) this.lock?.note(children);
    });
  }

  private onEnd(end: PartEnd): void {
    if (end.restartInMs === null) return;
    if (!this.isUp) this.endsAtStart.set(end.name, [...(this.endsAtStart.get(end.name) ?? []), end]);
    const how = end.signal ?? `exit code ${end.code ?? "unknown"}`;
    const why = end.reason === null ? "" : `: ${end.reason.message}`;
    if (this.isUp)
      say(
        `${end.name} ended (${how})${why}; starting it again in ${end.restartInMs / 1000} s. Its log: ${join(this.logFolder, `${end.name}.log`)}`,
      );
  }

  /** Waits for a condition while watching that no part fails for good. */
  private async until(condition: () => Promise<boolean>): Promise<void> {
    const giveUpAtMs = Date.now() + START_LIMIT_MS;
    while (!(await condition())) {
      for (const ends of this.endsAtStart.values()) throwIfHopeless(ends, this.logFolder);
      if (this.stopping !== null) throw new Interrupted();
      if (Date.now() > giveUpAtMs)
        throw new SaphenaError("CHILD_FAILED", `not ready after ${START_LIMIT_MS / 1000} s; logs are in ${this.logFolder}`);
      await delay(POLL_MS);
    }
  }

  /** Workers first, so that they can release their runs; then aggregator, scheduler, Redis. Calling it again waits for the same stop. */
  stop(): Promise<void> {
    this.stopping ??= this.stopInOrder();
    return this.stopping;
  }

  private async stopInOrder(): Promise<void> {
    const end = async (part: Part, graceMs: number): Promise<void> => {
      if (!(await part.stop(this.hurried ? 0 : graceMs)) && !this.hurried)
        say(`${part.name} did not end within ${graceMs / 1000} s and was killed`);
    };
    await Promise.all(this.workers.map((worker) => end(worker, GRACE_MS.worker)));
    for (const service of this.services) await end(service, GRACE_MS.service);
    if (this.redis !== null) await this.redis.stop(GRACE_MS.redis);
    this.lock?.release();
  }

  /** Kills what still runs; Redis gets a moment to write its file. */
  hurry(): void {
    this.hurried = true;
    for (const part of [...this.workers, ...this.services]) part.kill();
  }
}

/** A start that fails is told in the words of the part that failed, where it found any. */
function throwIfHopeless(ends: readonly PartEnd[], logFolder: string): void {
  const last = ends.at(-1);
  if (last === undefined) return;
  if (last.reason !== null && (!last.reason.retryable || ends.length >= MOST_ENDS_AT_START)) throw last.reason;
  if (ends.length >= MOST_ENDS_AT_START)
    throw new SaphenaError("CHILD_FAILED", `${last.name} ended ${ends.length} times; its log is ${join(logFolder, `${last.name}.log`)}`);
}

async function checkStore(url: string): Promise<void> {
  const store = await openStore(url);
  try {
    await probeConditionalWrites(store);
  } finally {
    await store.close();
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new SaphenaError("FOLDER_UNUSABLE", `${path} cannot be made (${(cause as NodeJS.ErrnoException).code})`, {
      hint: "give a folder that you may write to with --state",
      cause,
    });
  }
}

function keepSmall(logPath: string): void {
  if ((statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) > MOST_LOG_BYTES) renameSync(logPath, `${logPath}.1`);
}
