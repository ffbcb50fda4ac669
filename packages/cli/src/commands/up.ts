// `saphena up`: the whole system on this machine, until Ctrl-C.
import { defineCommand } from "citty";
import { DEFAULT_PORT, POOL_NAME } from "@saphena/contracts";
import { wholeNumber } from "../command-line.ts";
import { cliEnvironment } from "../environment.ts";
import { Interrupted, usageError } from "../failure.ts";
import { defaultWorkers, machineFacts } from "../local/default-workers.ts";
import { LocalSystem, type LocalSystemOptions } from "../local/local-system.ts";
import { plural } from "../number-format.ts";
import { printData, say } from "../terminal.ts";

export const upCommand = defineCommand({
  meta: { name: "up", description: "Run the whole system on this machine until Ctrl-C; the same state goes on where it was" },
  args: {
    workers: {
      type: "string",
      valueHint: "N",
      description:
        "worker processes of one slot each; 0 = only serve (default: --slots-per-device for each GPU; without one half of the CPUs, at most 4)",
    },
    "slots-per-device": {
      type: "string",
      valueHint: "M",
      description: "workers for each GPU, which they take in turn (default: 1)",
    },
    state: {
      type: "string",
      valueHint: "DIR",
      description: "folder for everything that is kept (default: saphena in the user's state folder)",
    },
    port: { type: "string", valueHint: "P", description: `port on 127.0.0.1 (default: ${DEFAULT_PORT})` },
    pool: { type: "string", valueHint: "POOL", description: "pool of the workers (default: default)" },
  },
  async run({ args }) {
    const environment = cliEnvironment();
    const pool = args.pool ?? "default";
    if (!POOL_NAME.test(pool)) throw usageError(`--pool ${JSON.stringify(pool)} is not 1-32 of a-z, 0-9, "-", "_"`);
    const slotsPerDevice = wholeNumber(args["slots-per-device"], "--slots-per-device", { min: 1, max: 64 }) ?? 1;
    await runUntilSignal({
      stateFolder: args.state ?? environment.stateFolder,
      port: wholeNumber(args.port, "--port", { min: 1, max: 65_535 }) ?? DEFAULT_PORT,
      workers: wholeNumber(args.workers, "--workers", { min: 0, max: 256 }) ?? defaultWorkers(await machineFacts(slotsPerDevice)),
      pool,
      namespace: environment.namespace,
      token: environment.token,
      redisUrl: environment.redisUrl,
      storeUrl: environment.storeUrl,
    });
  },
});

async function runUntilSignal(options: LocalSystemOptions): Promise<void> {
  const system = new LocalSystem(options);
  let signals = 0;
  let wasInterrupted = false;
  const stopped = new Promise<void>((resolve, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        signals++;
        wasInterrupted ||= signal === "SIGINT";
        if (signals > 1) return system.hurry();
        say("stopping: workers write a checkpoint first (press Ctrl-C again to hurry)");
        system.stop().then(resolve, reject);
      });
    }
  });
  try {
    await system.start();
    printData(system.url);
    say(`${plural(options.workers, "worker")} in pool ${options.pool}; open ${system.url} for the dashboard; Ctrl-C stops everything`);
    say(`logs are in ${system.logFolder}`);
  } catch (thrown) {
    if (signals === 0) throw thrown;
  }
  await stopped;
  say("stopped");
  if (wasInterrupted) throw new Interrupted();
}
