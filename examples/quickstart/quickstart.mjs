// From nothing to a leaderboard: builds the tone task, starts the whole system on this machine, submits sweep.yaml, prints the result.
// Every step is a command you can type yourself; each is printed before it runs. Run it with `npm run quickstart`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "@saphena/setup";
import { buildToneTask } from "./tone-task.mjs";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const LAUNCHER = join(REPOSITORY, "packages/cli/bin/saphena.mjs");
const STATE = join(REPOSITORY, ".saphena/quickstart");
const PORT = process.env.SAPHENA_PORT ?? "8321";
const SLOTS = "2";

const startedMs = Date.now();
const seconds = () => `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;
const say = (line) => process.stderr.write(`${line}\n`);

/** Runs `saphena ARGS…`, its talk going to this terminal, and gives what it printed as data. */
async function saphena(args, { env, show = false }) {
  say(`\n[${seconds()}] saphena ${args.map((arg) => (arg.startsWith("/") ? relative(process.cwd(), arg) || "." : arg)).join(" ")}`);
  const child = spawn(process.execPath, [LAUNCHER, ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
    if (show) process.stdout.write(text);
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`\`saphena ${args.join(" ")}\` ended with ${code}`);
  return output;
}

async function freePort(wanted) {
  const server = createServer().listen(Number(wanted), "127.0.0.1");
  const free = await Promise.race([once(server, "listening").then(() => true), once(server, "error").then(() => false)]);
  if (!free) return freePort("0");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return String(port);
}

async function main() {
  say(`[${seconds()}] the tone task: five skin tones of emoji as ordinal grades, with masks`);
  const { manifest } = await buildToneTask({
    cacheFolder: cacheFolder(),
    outFolder: join(STATE, "tone-task"),
    onProgress: (line) => say(`  ${line}`),
  });

  const port = await freePort(PORT);
  const env = { ...process.env, SAPHENA_URL: `http://127.0.0.1:${port}` };
  say(`\n[${seconds()}] saphena up --workers ${SLOTS} --state ${relative(process.cwd(), STATE)} --port ${port}`);
  const up = spawn(process.execPath, [LAUNCHER, "up", "--workers", SLOTS, "--state", STATE, "--port", port], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(up, "close");
  const stop = async () => {
    if (up.exitCode === null && up.signalCode === null) up.kill("SIGTERM");
    await ended;
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void stop().then(() => process.exit(130)));
  try {
    await saphena(["dataset", "import", manifest, "--name", "tones"], { env });
    const id = (await saphena(["submit", fileURLToPath(new URL("sweep.yaml", import.meta.url)), "--watch"], { env })).trim().split("\n")[0];
    const table = await saphena(["trials", id], { env });
    await stop();
    process.stdout.write(`\nLeaderboard of ${id} after ${seconds()}:\n\n${table}\n`);
    process.stdout.write(`To open the dashboard: npx --no-install saphena up --state ${relative(process.cwd(), STATE)}\n`);
    process.stdout.write(`and then http://127.0.0.1:8321/#/sweeps/${id}\n`);
  } finally {
    await stop();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(
    `error: QUICKSTART_FAILED: ${error.message}\n\nhint: the logs are in ${relative(process.cwd(), join(STATE, "logs"))}\n`,
  );
  process.exitCode = 1;
}
