// `saphena dataset verify DATASET`: reads every object back and compares its bytes with the hash in the manifest.
import { createHash } from "node:crypto";
import { defineCommand } from "citty";
import { SaphenaError } from "@saphena/contracts";
import { mapConcurrently } from "@saphena/dataset";
import type { ManifestRow } from "@saphena/contracts";
import type { Client } from "@saphena/client";
import { connect } from "../connection.ts";
import { plural } from "../number-format.ts";
import { printData, printJson, say } from "../terminal.ts";
import { counter } from "../counter.ts";
import { datasetArgument, jsonFlag } from "./arguments.ts";

const AT_ONCE = 8;

interface BadFile {
  id: string;
  role: "image" | "mask";
  sha256: string;
  what: string;
}

export const datasetVerifyCommand = defineCommand({
  meta: { name: "verify", description: "Read every file of a dataset back and check its hash" },
  args: { dataset: datasetArgument, json: jsonFlag },
  async run({ args }) {
    const client = connect();
    const { record, version, rows } = await client.dataset(args.dataset);
    const bad = await findBadFiles(client, record.name, rows);
    if (args.json) printJson({ dataset: `${record.name}@${version.version}`, hash: record.hash, images: rows.length, bad });
    else if (bad.length === 0) printData(`${record.name}@${version.version} ok: ${plural(rows.length, "image")}`);
    else printData(bad.map(({ id, role, sha256, what }) => `${id} ${role} ${sha256} ${what}`).join("\n"));
    if (bad.length === 0) return;
    say(`${plural(bad.length, "file")} of ${record.name}@${version.version} cannot be used; import the dataset again from its source`);
    process.exitCode = 1;
  },
});

async function findBadFiles(client: Client, name: string, rows: readonly ManifestRow[]): Promise<BadFile[]> {
  const files = rows.flatMap(({ id, image, mask }) => [
    { id, role: "image" as const, ...image },
    ...(mask === null ? [] : [{ id, role: "mask" as const, ...mask }]),
  ]);
  const progress = counter("checked");
  let done = 0;
  const bad: BadFile[] = [];
  await mapConcurrently(files, AT_ONCE, async ({ id, role, sha256, sizeBytes }) => {
    const what = await faultOf(client, name, sha256, sizeBytes);
    if (what !== null) bad.push({ id, role, sha256, what });
    progress.show(++done, files.length);
  });
  progress.end();
  return bad.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function faultOf(client: Client, name: string, sha256: string, sizeBytes: number): Promise<string | null> {
  try {
    const bytes = await client.object(name, sha256);
    if (bytes.byteLength !== sizeBytes) return `has ${bytes.byteLength} bytes instead of ${sizeBytes}`;
    return createHash("sha256").update(bytes).digest("hex") === sha256 ? null : "has other content";
  } catch (thrown) {
    if (thrown instanceof SaphenaError && (thrown.code === "OBJECT_NOT_FOUND" || thrown.code === "OBJECT_CORRUPT")) return thrown.message;
    throw thrown;
  }
}
