// `saphena dataset show DATASET`: what one version holds.
import { defineCommand } from "citty";
import type { DatasetDetail } from "@saphena/contracts";
import { connect } from "../connection.ts";
import { formatBytes, formatTime } from "../number-format.ts";
import { printData, printJson } from "../terminal.ts";
import { datasetArgument, jsonFlag } from "./arguments.ts";

export const datasetShowCommand = defineCommand({
  meta: { name: "show", description: "Show what a dataset holds (with --json all rows, too)" },
  args: { dataset: datasetArgument, json: jsonFlag },
  async run({ args }) {
    const detail = await connect().dataset(args.dataset);
    if (args.json) printJson(detail);
    else printData(describeDataset(detail));
  },
});

export function describeDataset({ record, version, rows }: DatasetDetail): string {
  const files = new Map(
    rows.flatMap(({ image, mask }) => [image, ...(mask === null ? [] : [mask])]).map((file) => [file.sha256, file.sizeBytes]),
  );
  const countOf = (label: string): number => rows.filter((row) => row.label === label).length;
  const merged = Object.entries(record.merge).map(([from, to]) => `${from} -> ${to}`);
  const facts: (readonly [string, string | null])[] = [
    ["dataset", `${record.name}@${version.version}`],
    ["hash", record.hash],
    ["created", formatTime(version.createdAtMs)],
    ["images", String(record.images)],
    ["masks", record.masks === 0 ? "none" : String(record.masks)],
    ["classes", record.maskClasses === null ? null : record.maskClasses.map(({ name, value }) => `${name} (${value})`).join(", ")],
    ["labels", record.labels.length === 0 ? "none" : record.labels.map((label) => `${label} (${countOf(label)})`).join(", ")],
    ["unlabelled", record.labelled === record.images ? null : String(record.images - record.labelled)],
    ["merged", merged.length === 0 ? null : merged.join(", ")],
    ["groups", String(record.groups)],
    ["files", `${files.size}, ${formatBytes([...files.values()].reduce((total, size) => total + size, 0))}`],
  ];
  return facts.flatMap(([name, value]) => (value === null ? [] : `${name.padEnd(11)}${value}`)).join("\n");
}
