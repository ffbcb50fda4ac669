// The version of this package, from its package.json: it stands there once for the whole repository.
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
export const version = (JSON.parse(text) as { version: string }).version;
