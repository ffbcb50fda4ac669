// `saphena dataset import SRC --name N`: checks every file here, sends what the server does not have yet, publishes a version.
// An interrupted import goes on where it was, because the server is asked first what is missing.
import { defineCommand } from "citty";
import type { ManifestRow } from "@saphena/contracts";
import type { Client } from "@saphena/client";
import { formatProblem, importDataset, localFiles, mapConcurrently } from "@saphena/dataset";
import type { FileReader, ImportedDataset } from "@saphena/dataset";
import { allValues } from "../command-line.ts";
import { connect } from "../connection.ts";
import { counter } from "../counter.ts";
import { parseList, parseMaskClasses, parseMerge } from "../dataset-flags.ts";
import { formatBytes, plural } from "../number-format.ts";
import { printData, say, warn } from "../terminal.ts";

const UPLOADS_AT_ONCE = 8;

const definitions = {
  source: { type: "positional", required: true, description: "manifest (.csv, .jsonl) or folder with a folder per class" },
  name: { type: "string", required: true, valueHint: "N", description: "name of the dataset" },
  labels: { type: "string", valueHint: "a,b,c", description: "the labels in order of severity (default: sorted)" },
  merge: { type: "string", valueHint: "old=new", description: "treat one label as another; may be given several times" },
  masks: { type: "string", valueHint: "DIR", description: "folder of the masks, for a folder of images" },
  "mask-classes": {
    type: "string",
    valueHint: "name=value,…",
    description: "mask classes by pixel value (default: any non-zero pixel is foreground)",
  },
  "skip-bad": { type: "boolean", description: "leave bad rows and files out and list them" },
} as const;

export const datasetImportCommand = defineCommand({
  meta: { name: "import", description: "Import a dataset; prints NAME@VERSION and its hash" },
  args: definitions,
  async run({ args, rawArgs }) {
    const reader = localFiles;
    const labels = args.labels === undefined ? {} : { labels: parseList(args.labels, "--labels") };
    const masks = args.masks === undefined ? {} : { masks: args.masks };
    const progress = counter("checked");
    const dataset = await importDataset({
      name: args.name,
      source: args.source,
      merge: parseMerge(allValues(rawArgs, "merge", definitions)),
      maskClasses: parseMaskClasses(args["mask-classes"]),
      skipBad: args["skip-bad"] === true,
      reader,
      onProgress: progress.show,
      ...labels,
      ...masks,
    });
    progress.end();
    describe(dataset);
    if (args.labels === undefined && dataset.record.labels.length > 2)
      say("the labels are sorted by name; --labels gives their order of severity");
    const client = connect();
    await upload(client, dataset, reader);
    const { name, version, hash, created } = await client.publish(args.name, { record: dataset.record, rows: dataset.rows });
    if (!created) say("nothing new: this content is a version already");
    printData(`${name}@${version} ${hash}`);
  },
});

function describe({ record, skipped, warnings }: ImportedDataset): void {
  for (const problem of skipped) say(`skipped: ${formatProblem(problem)}`);
  for (const warning of warnings) warn(warning);
  const labels = record.labels.length === 0 ? "no labels" : `labels ${record.labels.join(" < ")}`;
  say(`${plural(record.images, "image")}, ${plural(record.masks, "mask")}, ${plural(record.groups, "group")}, ${labels}`);
}

async function upload(client: Client, { record, rows, files }: ImportedDataset, reader: FileReader): Promise<void> {
  const missing = await client.missing(record.name, [...files.keys()]);
  if (missing.length === 0) return;
  const sizes = sizesOf(rows);
  say(`sending ${plural(missing.length, "file")} (${formatBytes(missing.reduce((total, sha256) => total + (sizes.get(sha256) ?? 0), 0))})`);
  const progress = counter("sent");
  let done = 0;
  await mapConcurrently(missing, UPLOADS_AT_ONCE, async (sha256) => {
    await client.putObject(record.name, sha256, await reader.read(files.get(sha256)!));
    progress.show(++done, missing.length);
  });
  progress.end();
}

function sizesOf(rows: readonly ManifestRow[]): Map<string, number> {
  return new Map(
    rows.flatMap(({ image, mask }) => [image, ...(mask === null ? [] : [mask])]).map(({ sha256, sizeBytes }) => [sha256, sizeBytes]),
  );
}
