#!/usr/bin/env node
// `npm run test:node-versions`: the equality tests (kernels and network, against PyTorch and written-out mathematics) under every supported
// Node. Prints one line a version; a version that cannot be fetched is skipped by name, and a failed one makes the exit code 1.
import { join } from "node:path";
import { ensureNodeVersions, testUnderNode } from "./node-versions.mjs";
import { ensureTensorflow } from "./tensorflow.mjs";

const PATHS = ["packages/tf/src", "packages/venet/src"];
const root = join(import.meta.dirname, "..", "..");

await ensureTensorflow();
for (const { version, binary } of await ensureNodeVersions()) {
  if (binary === null) {
    process.stdout.write(`Node ${version}: skipped, its binary cannot be had\n`);
    continue;
  }
  const startedAt = performance.now();
  const { passed, summary, output } = await testUnderNode(binary, root, PATHS);
  process.stdout.write(
    `Node ${version}: ${passed ? "passed" : "FAILED"}, ${summary} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)\n`,
  );
  if (passed) continue;
  process.stderr.write(`${output}\n`);
  process.exitCode = 1;
}
