// The network against PyTorch under the other supported Node versions, where their binaries are in the cache:
// `npm run test:node-versions` fetches them, and runs more.
import { locateNodeVersions, testUnderNode } from "@saphena/setup";
import { expect, it } from "vitest";
import { REPOSITORY } from "../system/repository.ts";

const others = locateNodeVersions().filter(({ binary }) => binary !== process.execPath);

for (const { version, binary } of others) {
  const absent = binary === null ? " (skipped: its binary is not in the cache; npm run test:node-versions fetches it)" : "";
  it.skipIf(binary === null)(`the network agrees with PyTorch under Node ${version}${absent}`, async () => {
    const { passed, summary, output } = await testUnderNode(binary as string, REPOSITORY, ["packages/venet/src/reference.test.ts"]);
    expect(summary, output).toMatch(/^\d+ passed \(\d+\)$/);
    expect(passed, output).toBe(true);
  });
}
