// A fresh folder for one test, gone when the test process is.
import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeWithTest } from "./janitor.ts";

/** The real absolute path of a new, empty folder. It is removed after the test process has ended; nothing needs to be called. */
export async function temporaryFolder(name = "test"): Promise<string> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), `saphena-${name}-`));
  removeWithTest(folder);
  return folder;
}
