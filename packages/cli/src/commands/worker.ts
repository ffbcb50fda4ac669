// `saphena worker`: a worker on this machine for a system that runs elsewhere; ends with its child.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { defineCommand } from "citty";
import { POOL_NAME, SaphenaError } from "@saphena/contracts";
import { wholeNumber } from "../command-line.ts";
import { cliEnvironment, inheritedEnvironment } from "../environment.ts";
import { usageError } from "../failure.ts";
import { servicePaths } from "../local/service-paths.ts";
import { signalGroup } from "../local/process-identity.ts";
import { say } from "../terminal.ts";

export const workerCommand = defineCommand({
  meta: { name: "worker", description: "Run a worker for the system at SAPHENA_REDIS_URL and SAPHENA_STORE" },
  args: {
    pool: { type: "string", valueHint: "P", description: "take runs of this pool (default: default)" },
    slots: {
      type: "string",
      valueHint: "N",
      description: "runs at once (default: --slots-per-device on each GPU, or one a CPU core where there is none)",
    },
    "slots-per-device": {
      type: "string",
      valueHint: "M",
      description: "runs at once on each GPU (default: 1); small networks leave most of a card idle",
    },
  },
  async run({ args }) {
    const { redisUrl, storeUrl } = cliEnvironment();
    const pool = args.pool ?? "default";
    if (!POOL_NAME.test(pool)) throw usageError(`--pool ${JSON.stringify(pool)} is not 1-32 of a-z, 0-9, "-", "_"`);
    const slots = wholeNumber(args.slots, "--slots", { min: 1, max: 256 });
    const slotsPerDevice = wholeNumber(args["slots-per-device"], "--slots-per-device", { min: 1, max: 64 });
    const unset = [redisUrl === undefined ? "SAPHENA_REDIS_URL" : [], storeUrl === undefined ? "SAPHENA_STORE" : []].flat();
    if (unset.length > 0) {
      throw new SaphenaError("ENVIRONMENT_INVALID", `a worker needs ${unset.join(" and ")}`, {
        hint: "`saphena up` runs workers with everything set on one machine",
      });
    }
    process.exitCode = await runWorker({
      SAPHENA_POOL: pool,
      ...(slots === undefined ? {} : { SAPHENA_SLOTS: String(slots) }),
      ...(slotsPerDevice === undefined ? {} : { SAPHENA_SLOTS_PER_DEVICE: String(slotsPerDevice) }),
    });
  },
});

async function runWorker(changes: Readonly<Record<string, string>>): Promise<number> {
  // A group of its own: Ctrl-C reaches the worker once, from us, as SIGTERM.
  const child = spawn(process.execPath, [servicePaths.worker()], {
    detached: true,
    env: inheritedEnvironment(changes),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      signals++;
      if (signals === 1) say("stopping: running runs write a checkpoint first (once more to kill them)");
      if (signals === 1) child.kill("SIGTERM");
      else if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
    });
  }
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
