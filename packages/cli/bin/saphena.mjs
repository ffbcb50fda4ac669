#!/usr/bin/env node
// Committed launcher: npm links a bin only when the file exists at install time, before anything is built.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (!existsSync(main)) {
  process.stderr.write(
    "error: SETUP_NOT_BUILT: Saphena is not built in this clone yet\n\nhint: run `npm run setup` in the repository first\n",
  );
  process.exit(1);
}
await import(main.href);
