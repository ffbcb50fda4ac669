// `npm run docs`: writes the reference pages.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../system/repository.ts";
import { referencePages } from "./reference-pages.ts";

for (const { path, content } of await referencePages()) {
  writeFileSync(join(REPOSITORY, path), content);
  process.stdout.write(`${path}\n`);
}
