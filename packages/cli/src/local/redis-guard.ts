// Runs a Redis server as its child, because Redis cannot notice that its parent is gone. `node redis-guard.js BINARY CONFIG`.
// SIGTERM ends both; when `saphena up` is gone, Redis outlives the workers by a while, so that they can release their runs.
import { spawn } from "node:child_process";

const ORPHAN_GRACE_MS = 10_000;
const [binary, config] = process.argv.slice(2);
if (binary === undefined || config === undefined) process.exit(2);

const redis = spawn(binary, [config], { stdio: "inherit" });
const end = (): void => void redis.kill("SIGTERM");
process.on("SIGTERM", end);
process.on("SIGINT", end);
process.on("disconnect", () => setTimeout(end, ORPHAN_GRACE_MS));
redis.once("error", (error) => {
  process.stderr.write(`error: REDIS_MISSING: ${binary} cannot be started (${error.message})\n\nhint: run \`npm run setup\`\n`);
  process.exit(1);
});
redis.once("exit", (code) => process.exit(code ?? 1));
