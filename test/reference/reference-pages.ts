// The reference pages under docs/, made from schemas, registries and command definitions, so that they cannot drift from what runs.
// `npm run docs` writes them; test/contract/reference-pages.test.ts fails when a committed page differs.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../system/repository.ts";
import { cliPage } from "./cli-page.ts";
import { environmentPage } from "./environment-page.ts";
import { errorsPage } from "./errors-page.ts";
import { manifestPage } from "./manifest-page.ts";
import { sweepFileJsonSchema, sweepFilePage } from "./sweep-file-page.ts";

export interface ReferencePage {
  /** Relative to the repository. */
  path: string;
  content: string;
}

export async function referencePages(): Promise<ReferencePage[]> {
  const example = readFileSync(join(REPOSITORY, "examples/quickstart/sweep.yaml"), "utf8");
  return [
    { path: "docs/sweep-file.md", content: sweepFilePage(example) },
    { path: "docs/sweep-file.schema.json", content: `${JSON.stringify(sweepFileJsonSchema(), null, 2)}\n` },
    { path: "docs/manifest.md", content: manifestPage() },
    { path: "docs/cli.md", content: await cliPage() },
    { path: "docs/errors.md", content: errorsPage() },
    { path: "docs/environment.md", content: environmentPage() },
  ];
}
