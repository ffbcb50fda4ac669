// What `saphena` says to bad input: exit code, stdout, stderr, word for word. None of it needs a server.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, makeTinyDataset, temporaryFolder } from "@saphena/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { saphena } from "../system/saphena.ts";

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder("cli");
});

/** The whole answer as text; the folder of the test reads FOLDER. */
async function answer(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await saphena(args, {
    cwd: folder,
    env: { SAPHENA_URL: "", SAPHENA_STORE: "", SAPHENA_REDIS_URL: "", SAPHENA_DEBUG: "", ...env },
  });
  return `exit ${exitCode}\n${stdout === "" ? "" : `stdout:\n${stdout}`}${stderr}`.replaceAll(folder, "FOLDER");
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const sweep = (changes: string): string => `name: tones\ndataset: tones\nbudget: { trials: 3 }\n${changes}\n`;

/** A port of its own, so that a system that runs on this machine does not matter. */
const up = async (state: string): Promise<string[]> => ["up", "--state", state, "--port", String(await freePort())];

describe("a sweep file", () => {
  it("that is not there", async () => {
    expect(await answer(["submit", "nothing.yaml"])).toMatchInlineSnapshot(`
      "exit 2
      error: SWEEP_FILE_UNREADABLE: the sweep file cannot be read: nothing.yaml does not exist

      hint: give the path of a YAML or JSON file
      "
    `);
  });

  it("that is broken YAML, with the line", async () => {
    expect(await answer(["submit", file("broken.yaml", "name: tones\nbudget: { trials: 3\n")])).toMatchInlineSnapshot(`
      "exit 2
      error: SWEEP_FILE_SYNTAX: the sweep file is not valid YAML or JSON: broken.yaml, line 3, column 1: Flow map in block collection must be sufficiently indented and end with a }

      hint: mend the line that is named
      "
    `);
  });

  it("that is empty", async () => {
    expect(await answer(["submit", file("empty.yaml", "")])).toMatchInlineSnapshot(`
      "exit 2
      error: SWEEP_FILE_INVALID: the sweep file is not valid: empty.yaml is empty

      hint: name, dataset and budget are required; docs/sweep-file.md shows an example
      "
    `);
  });

  it("with an unknown key, a bad range, and no trials: every problem at once", async () => {
    const text =
      "name: tones\ndataset: tones\nbugdet: { trials: 3 }\nbudget: { trials: 0 }\nparameters: { train.optimizer.learningRate: { type: float, min: low, max: 1 } }\n";
    expect(await answer(["submit", file("wrong.yaml", text)])).toMatchInlineSnapshot(`
      "exit 2
      error: SWEEP_FILE_INVALID: the sweep file is not valid: 
        parameters.train.optimizer.learningRate.min: got "low"; expected number, received string
        budget.trials: got 0; Too small: expected number to be >=1
        bugdet is not a known key; did you mean budget?

      hint: docs/sweep-file.md lists every key with its type and default
      "
    `);
  });

  it("with a range upside down and a parameter that does not exist", async () => {
    const text = sweep("parameters: { train.learningRate: { type: float, min: 0.1, max: 1 }, model.depth: { type: int, min: 5, max: 3 } }");
    expect(await answer(["submit", file("paths.yaml", text)])).toMatchInlineSnapshot(`
      "exit 2
      error: SWEEP_FILE_INVALID: the sweep file is not valid: 
        parameters.train.learningRate does not name a setting of model or train; did you mean train.optimizer.learningRate?
        parameters.model.depth: min 5 is above max 3

      hint: docs/sweep-file.md lists every key with its type and default
      "
    `);
  });

  it("with an input size that some depth of the space does not divide", async () => {
    const text = sweep("model: { inputSize: 40 }\nparameters: { model.depth: { type: categorical, values: [3, 5] } }");
    expect(await answer(["submit", file("size.json", text)])).toMatchInlineSnapshot(`
      "exit 2
      error: SWEEP_FILE_INVALID: the sweep file is not valid: model.inputSize: 40 is not divisible by 16 (2^(depth-1) at depth 5); use 32 or 48 (with {"model.depth":5})

      hint: docs/sweep-file.md lists every key with its type and default
      "
    `);
  });
});

describe("a command line", () => {
  it("with an unknown command, flag, or a missing word", async () => {
    expect(await answer(["sumbit", "a.yaml"])).toMatchInlineSnapshot(`
      "exit 2
      error: USAGE: the command line is not understood: saphena has no command "sumbit"; did you mean \`saphena submit\`?

      hint: run \`saphena --help\`
      "
    `);
    expect(await answer(["up", "--wrokers", "2"])).toMatchInlineSnapshot(`
      "exit 2
      error: USAGE: the command line is not understood: saphena up has no flag --wrokers; did you mean --workers?

      hint: run \`saphena up --help\`
      "
    `);
    expect(await answer(["dataset", "import", "a.csv"])).toMatchInlineSnapshot(`
      "exit 2
      error: USAGE: the command line is not understood: saphena dataset import needs --name: name of the dataset

      hint: run \`saphena dataset import --help\`
      "
    `);
    expect(await answer(["logs", "latest"])).toMatchInlineSnapshot(`
      "exit 1
      error: RUN_NOT_FOUND: there is no such run: "latest" is no run id

      hint: a run id is SWEEP-TRIAL-FOLD, such as swp_0123456789ab-3-0
      "
    `);
  });

  it("that asks for help or the version gets it on stdout", async () => {
    expect(await answer(["resume", "--help"])).toMatchInlineSnapshot(`
      "exit 0
      stdout:
      Go on with a paused sweep, or with a finished one by adding trials (saphena resume v0.1.0)

      USAGE saphena resume [OPTIONS] <SWEEP>

      ARGUMENTS

        SWEEP    id of a sweep, the beginning of it, its name, or \`latest\` (Required)

      OPTIONS

        --trials=<+N>    raise the budget by N trials

      "
    `);
    expect(await answer(["--version"])).toMatch(/^exit 0\nstdout:\n\d+\.\d+\.\d+\n$/);
  });
});

describe("a dataset", () => {
  it("with a corrupt image, a mask of another size, a path that climbs out and an id used twice", async () => {
    const source = join(folder, "bad-data");
    mkdirSync(source);
    await makeTinyDataset(source, { images: 4, size: 32, labels: [] });
    await makeTinyDataset(join(source, "small"), { images: 1, size: 16, labels: [] });
    writeFileSync(join(source, "corrupt.png"), "not a picture");
    const good = "images/img-0000.png,masks/img-0000.png";
    const rows = [
      "id,image,mask",
      `a,${good}`,
      "b,corrupt.png,",
      "c,images/img-0001.png,small/masks/img-0000.png",
      "d,../broken.yaml,",
      `a,${good}`,
    ];
    writeFileSync(join(source, "manifest.csv"), `${rows.join("\n")}\n`);
    expect(await answer(["dataset", "import", "bad-data/manifest.csv", "--name", "bad"])).toMatchInlineSnapshot(`
      "exit 2
      error: MANIFEST_INVALID: the dataset has bad rows or files: 4 problems
        line 3 (id b): corrupt.png: the image cannot be used: it is not a PNG, JPEG or WebP image; re-export it as PNG, JPEG or WebP
        line 4 (id c): the mask is 16×16 pixels; its image, after EXIF orientation, is 32×32
        line 5 (id d): ../broken.yaml leads out of the dataset's folder; move the file into it
        line 6 (id a): the id is that of line 2 too; ids must differ

      hint: mend the rows that are named, or leave them out with --skip-bad
      "
    `);
    expect(await answer(["dataset", "import", "nowhere.csv", "--name", "bad"])).toMatchInlineSnapshot(`
      "exit 2
      error: MANIFEST_UNREADABLE: the manifest cannot be read: there is nothing at nowhere.csv

      hint: give a CSV or JSONL file, or a folder with one folder per class
      "
    `);
    expect(await answer(["dataset", "import", "bad-data/manifest.csv", "--name", "Not A Name"])).toMatchInlineSnapshot(`
      "exit 2
      error: DATASET_NAME_INVALID: the dataset name is not valid: "Not A Name"

      hint: use 1-64 of a-z, 0-9, \`-\`, \`_\` and \`.\`, beginning with a letter or digit
      "
    `);
  });
});

describe("the surroundings", () => {
  it("without a Redis at the given address", async () => {
    expect(await answer(await up("state"), { SAPHENA_REDIS_URL: "redis://127.0.0.1:1" })).toMatchInlineSnapshot(`
      "exit 1
      error: REDIS_UNREACHABLE: Redis cannot be reached: 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1)

      hint: check SAPHENA_REDIS_URL and that the server runs
      "
    `);
  });

  it("with a store that cannot be used", async () => {
    expect(await answer(await up("state"), { SAPHENA_STORE: "ftp://here" })).toMatchInlineSnapshot(`
      "exit 2
      error: STORE_URL_INVALID: SAPHENA_STORE is not valid: ftp://here

      hint: use s3://bucket/prefix or file:///absolute/folder
      "
    `);
    const s3 = {
      SAPHENA_STORE: "s3://bucket/x",
      AWS_ENDPOINT_URL: "http://127.0.0.1:1",
      AWS_ACCESS_KEY_ID: "id",
      AWS_SECRET_ACCESS_KEY: "hush",
    };
    const unreachable = await answer(await up("state"), s3);
    expect(unreachable).toContain("exit 1\nerror: STORE_UNREACHABLE: ");
    expect(unreachable).not.toContain("hush");
  });

  it("with a state folder that is a file", async () => {
    expect(await answer(await up(join(file("plain", ""), "below")))).toMatchInlineSnapshot(`
      "exit 2
      error: FOLDER_UNUSABLE: the folder cannot be used: FOLDER/plain/below cannot be made (ENOTDIR)

      hint: give a folder that you may write to with --state
      "
    `);
  });

  it("of a worker without its addresses", async () => {
    expect(await answer(["worker"])).toMatchInlineSnapshot(`
      "exit 2
      error: ENVIRONMENT_INVALID: an environment variable is not valid: a worker needs SAPHENA_REDIS_URL and SAPHENA_STORE

      hint: \`saphena up\` runs workers with everything set on one machine
      "
    `);
  });

  it("of a worker with addresses that cannot be used", async () => {
    const redis = { SAPHENA_REDIS_URL: "redis://127.0.0.1:1" };
    expect(await answer(["worker"], { ...redis, SAPHENA_STORE: "ftp://here" })).toMatchInlineSnapshot(`
      "exit 2
      error: STORE_URL_INVALID: SAPHENA_STORE is not valid: ftp://here

      hint: use s3://bucket/prefix or file:///absolute/folder
      "
    `);
    expect(await answer(["worker"], { ...redis, SAPHENA_STORE: `file://${folder}/store`, SAPHENA_LEASE_MS: "soon" }))
      .toMatchInlineSnapshot(`
      "exit 2
      error: ENVIRONMENT_INVALID: an environment variable is not valid: SAPHENA_LEASE_MS: got "soon"; expected number, received NaN

      hint: docs/environment.md lists them
      "
    `);
    expect(await answer(["worker"], { ...redis, SAPHENA_STORE: `file://${folder}/store` })).toMatchInlineSnapshot(`
      "exit 1
      error: REDIS_UNREACHABLE: Redis cannot be reached: 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1

      hint: check SAPHENA_REDIS_URL and that the server runs
      "
    `);
  });

  it("with an address that is none, or a token with a line end", async () => {
    expect(await answer(["ls"], { SAPHENA_URL: "here" })).toMatchInlineSnapshot(`
      "exit 2
      error: ENVIRONMENT_INVALID: an environment variable is not valid: SAPHENA_URL "here" is not an http:// or https:// address

      hint: the default is http://127.0.0.1:8321
      "
    `);
    expect(await answer(["ls"], { SAPHENA_TOKEN: "secret\nline" })).not.toContain("secret");
  });
});
