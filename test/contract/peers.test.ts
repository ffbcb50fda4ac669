// The peers of the benchmarks are Python that no compiler of ours reads: here it is read, and, where its environment was made, its
// networks are held against ours. Nothing is installed for it.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parameterCount } from "@saphena/venet";
import { PEERS, locatePeersPython } from "../bench/peers/venv.ts";

const scripts = readdirSync(PEERS).filter((name) => name.endsWith(".py"));
const python = locatePeersPython();

it("every requirement of the peers is pinned to one version", () => {
  const lines = readFileSync(join(PEERS, "requirements.txt"), "utf8").split("\n");
  const wanted = lines.filter((line) => line !== "" && !line.startsWith("#"));
  expect(wanted.length).toBeGreaterThan(7);
  for (const line of wanted) expect(line).toMatch(/^[a-z0-9-]+==[0-9][0-9a-z.]*$/);
});

it.each(scripts)("%s is Python without a syntax error", (name) => {
  const check = "import ast, pathlib, sys; ast.parse(pathlib.Path(sys.argv[1]).read_text())";
  expect(() => execFileSync("python3", ["-c", check, join(PEERS, name)], { stdio: "pipe" })).not.toThrow();
});

describe.skipIf(python === null)(
  `the peers' networks${python === null ? " (skipped: node test/dist/bench/peers/make-venv.js was not run)" : ""}`,
  () => {
    it.each(["train_torch.py", "train_keras.py"])(
      "%s has as many parameters as ours",
      (name) => {
        const size = { base: 16, depth: 4, size: 64 };
        const args = Object.entries(size).flatMap(([key, value]) => [`--${key}`, String(value)]);
        const output = execFileSync(python!, [join(PEERS, name), "--parameters", ...args], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        });
        const config = { depth: 4, baseFilters: 16, maxFilters: 480, inputSize: 64, channels: 3, classes: 4, maskClasses: 2 };
        expect(JSON.parse(output)).toEqual({ parameters: parameterCount({ heads: "both", ...config }) });
      },
      120_000,
    );
  },
);
