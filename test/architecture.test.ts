// The ranks of the packages, held by machine: what each may import, which outside library has one owner, and what nobody may load.
// The compiler does not do this: npm links every workspace, so an import of an undeclared sibling compiles.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

/** Our packages that each package may import. A package that is not named here fails the first test. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  setup: [],
  contracts: [],
  sweep: ["contracts"],
  dataset: ["contracts"],
  metrics: ["contracts"],
  queue: ["contracts"],
  "object-store": ["contracts"],
  client: ["contracts"],
  tf: ["contracts", "setup"],
  venet: ["contracts", "tf"],
  training: ["contracts", "venet", "metrics", "dataset"],
  report: ["contracts", "sweep", "dataset", "metrics", "object-store", "client"],
  cli: ["contracts", "sweep", "dataset", "metrics", "object-store", "client", "report", "setup"],
  service: ["contracts"],
  scheduler: ["service", "contracts", "sweep", "dataset", "metrics", "queue", "object-store", "setup"],
  worker: ["service", "contracts", "sweep", "dataset", "metrics", "queue", "object-store", "setup", "training"],
  aggregator: ["service", "contracts", "sweep", "metrics", "queue", "object-store", "setup", "report"],
  dashboard: ["contracts", "client"],
  testing: ["contracts", "queue", "object-store", "client", "setup"],
};

/** Outside libraries that exactly one package touches, so that replacing one is a change in one place. */
const OWNERS: readonly { library: RegExp; owners: readonly string[] }[] = [
  { library: /^@tensorflow\//, owners: ["tf"] },
  { library: /^(bullmq|ioredis)(\/|$)/, owners: ["queue"] },
  { library: /^@aws-sdk\//, owners: ["object-store"] },
  { library: /^@duckdb\//, owners: ["aggregator"] },
];

/** The one file of the services that may load the training code, and with it the native engine. */
const TRAINER = "services/worker/src/trainer.ts";

interface Module {
  path: string;
  isTest: boolean;
  imports: string[];
}
interface Package {
  name: string;
  folder: string;
  dependencies: string[];
  devDependencies: string[];
  modules: Module[];
}

function packagesUnder(parent: string): Package[] {
  const names = readdirSync(join(root, parent), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names
    .filter((entry) => existsSync(join(root, parent, entry.name, "package.json")))
    .map((entry) => readPackage(join(parent, entry.name)));
}

function readPackage(folder: string): Package {
  const text = readFileSync(join(root, folder, "package.json"), "utf8");
  const { name, dependencies = {}, devDependencies = {} } = JSON.parse(text) as Record<string, never> & { name: string };
  const source = existsSync(join(root, folder, "src")) ? join(folder, "src") : folder;
  return {
    name: name.replace("@saphena/", ""),
    folder,
    dependencies: Object.keys(dependencies),
    devDependencies: Object.keys(devDependencies),
    modules: modulesUnder(source),
  };
}

function modulesUnder(folder: string): Module[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mts|mjs)$/.test(entry.name) && !/node_modules|dist/.test(entry.parentPath))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path: relative(root, path), isTest: /\.(test|case)\.ts$/.test(entry.name), imports: importsOf(readFileSync(path, "utf8")) };
    });
}

/** Module names after `from`, in `import "…"`, `import("…")` and `require("…")`; comments (with their examples) do not count. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const found = code.matchAll(/\bfrom\s*"([^"\n]+)"|\b(?:import|require)\s*\(?\s*"([^"\n]+)"/g);
  return [...found].map(([, from, called]) => from ?? called ?? "");
}

/** `contracts` for `@saphena/contracts/anything`; undefined for what is not ours. */
function sibling(name: string): string | undefined {
  return /^@saphena\/([^/]+)/.exec(name)?.[1];
}

const packages = [...packagesUnder("packages"), ...packagesUnder("services"), readPackage("infra/setup")];
const modules = packages.flatMap((each) => each.modules.map((module) => ({ ...module, owner: each })));

test("every package has a rank and at least one module", () => {
  expect(packages.map(({ name }) => name).filter((name) => MAY_IMPORT[name] === undefined)).toEqual([]);
  expect(packages.filter((each) => each.modules.length === 0).map(({ name }) => name)).toEqual([]);
  expect(modules.flatMap(({ imports }) => imports).length).toBeGreaterThan(100);
});

test("the reader of imports sees every form and no comment", () => {
  const source = `import "a";\nimport type { B } from "b";\nexport { c } from "c";\nawait import("d");\nrequire("e");\n// import "f";\n/* from "g" */`;
  expect(importsOf(source)).toEqual(["a", "b", "c", "d", "e"]);
});

describe.each(packages)("$name", ({ name, dependencies, devDependencies, modules: own }) => {
  const allowed = MAY_IMPORT[name] ?? [];

  test("declares only dependencies of a lower rank", () => {
    const declared = dependencies.map(sibling).filter((dependency) => dependency !== undefined);
    expect(declared.filter((dependency) => !allowed.includes(dependency))).toEqual([]);
  });

  test("imports only what its rank allows and its package.json declares", () => {
    const offences = own.flatMap(({ path, isTest, imports }) => {
      // Tests may also speak to a service as its users do.
      const mayImport = isTest ? [...allowed, "testing", "client", name] : allowed;
      const declares = isTest ? [...dependencies, ...devDependencies, `@saphena/${name}`] : dependencies;
      const ours = imports.map(sibling).filter((imported) => imported !== undefined);
      return ours
        .filter((imported) => !mayImport.includes(imported) || !declares.includes(`@saphena/${imported}`))
        .map((imported) => `${path} imports ${imported}`);
    });
    expect(offences).toEqual([]);
  });
});

test("TensorFlow, BullMQ with ioredis, the AWS SDK and DuckDB are each imported by one package", () => {
  const offences = modules.flatMap(({ path, imports, owner }) =>
    imports
      .filter((imported) => OWNERS.some(({ library, owners }) => library.test(imported) && !owners.includes(owner.name)))
      .map((imported) => `${path} imports ${imported}`),
  );
  expect(offences).toEqual([]);
});

test("of the services only the worker's trainer file loads the training code, and nothing of the worker loads that file", () => {
  const services = modules.filter(({ path }) => path.startsWith("services/"));
  const loaders = services.filter(({ path, imports }) => path !== TRAINER && imports.some((name) => sibling(name) === "training"));
  const parents = services.filter(
    ({ isTest, imports }) => !isTest && imports.some((name) => /(^|\/)trainer\.ts$/.test(name) || name === "@saphena/worker/trainer"),
  );
  expect([...loaders, ...parents].map(({ path }) => path)).toEqual([]);
});

describe.skipIf(!existsSync(join(root, "README.md")))("the README's reading list", () => {
  const LINES_PER_FILE = 300;
  const LINES_ALTOGETHER = 2000;

  /** The source files named in backticks or links in the README's section about the eight files. */
  function readingList(): string[] {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const section = readme.split(/^## /m).find((part) => /eight files/i.test(part)) ?? "";
    return [...new Set([...section.matchAll(/[\w./-]+\/src\/[\w./-]+\.ts/g)].map(([path]) => path))];
  }

  test("names one to eight files that exist", () => {
    const files = readingList();
    expect(files.length).toBeGreaterThan(0);
    expect(files.length).toBeLessThanOrEqual(8);
    expect(files.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test("can be read in an hour", () => {
    const lengths = readingList().map((path) => ({ path, lines: readFileSync(join(root, path), "utf8").split("\n").length }));
    expect(lengths.filter(({ lines }) => lines > LINES_PER_FILE)).toEqual([]);
    expect(lengths.reduce((total, { lines }) => total + lines, 0)).toBeLessThanOrEqual(LINES_ALTOGETHER);
  });
});
