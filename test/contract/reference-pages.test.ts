// The reference pages say what runs: they are what `npm run docs` would write, and the registries they are made from are complete.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { DEFAULT_NAMESPACE, DEFAULT_PORT, ENVIRONMENT, ERRORS } from "@saphena/contracts";
import type { EnvironmentReader } from "@saphena/contracts";
import { referencePages } from "../reference/reference-pages.ts";
import { sweepFileJsonSchema } from "../reference/sweep-file-page.ts";
import { REPOSITORY } from "../system/repository.ts";

const read = (path: string): string => readFileSync(join(REPOSITORY, path), "utf8");

describe("the reference pages", async () => {
  it.each(await referencePages())("$path is what `npm run docs` writes", ({ path, content }) => {
    expect(read(path), "run `npm run docs` (after `npm run build`) and commit what it writes").toBe(content);
  });

  it("link to pages and headings that exist", () => {
    const pages = readdirSync(join(REPOSITORY, "docs")).filter((name) => name.endsWith(".md"));
    const headings = (name: string): string[] => [...read(`docs/${name}`).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));
    const broken = pages.flatMap((page) =>
      [...read(`docs/${page}`).matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)].flatMap(([link, file, anchor]) => {
        const target = file === "" || file === undefined ? page : file;
        if (!readdirSync(join(REPOSITORY, "docs")).includes(target)) return [`${page}: ${link}`];
        return anchor === undefined || headings(target).includes(anchor) ? [] : [`${page}: ${link}`];
      }),
    );
    expect(pages.length).toBeGreaterThan(5);
    expect(broken).toEqual([]);
  });
});

it("the pages name files that exist", () => {
  const named = readdirSync(join(REPOSITORY, "docs"))
    .filter((name) => name.endsWith(".md"))
    .flatMap((name) =>
      [...read(`docs/${name}`).matchAll(/`((?:test|packages|services|infra|examples)\/[\w./-]+)`/g)].map(([, path]) => path!),
    );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((path) => !existsSync(join(REPOSITORY, path)))).toEqual([]);
});

/** As GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

describe("the sweep file's JSON Schema", () => {
  const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(sweepFileJsonSchema());

  it("accepts the quickstart's sweep", () => {
    validate(parse(read("examples/quickstart/sweep.yaml")));
    expect(validate.errors).toBeNull();
  });

  it("refuses what the program refuses: an unknown key, a value out of range, nothing", () => {
    const sweep = parse(read("examples/quickstart/sweep.yaml")) as { budget: object };
    for (const wrong of [{}, { ...sweep, bugdet: {} }, { ...sweep, budget: { trials: 0 } }]) expect(validate(wrong)).toBe(false);
  });
});

/** Every source file that may throw, without tests; by path. */
function sources(): Map<string, string> {
  const files = ["packages", "services", "infra/setup"].flatMap((folder) =>
    readdirSync(join(REPOSITORY, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && /\.(tsx?|mjs|lua)$/.test(entry.name) && !/\.(test|case|d)\.ts$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(REPOSITORY.length + 1))
      .filter((path) => !/(^|\/)(node_modules|dist|dist-types)\//.test(path) && !path.startsWith("packages/testing/")),
  );
  return new Map(files.map((path) => [path, read(path)]));
}

describe("the registry of errors", () => {
  it("has no code that nothing throws", () => {
    const all = [...sources()].filter(([path]) => path !== "packages/contracts/src/errors.ts").map(([, text]) => text);
    expect(all.length).toBeGreaterThan(100);
    const unused = Object.keys(ERRORS).filter(
      (code) => !all.some((text) => text.includes(`"${code}"`) || text.includes(`error: ${code}:`)),
    );
    expect(unused).toEqual([]);
  });
});

describe("the registry of environment variables", () => {
  const services = ["scheduler", "aggregator", "worker"] as const;
  const registered = (reader: EnvironmentReader, prefix: string): string[] =>
    Object.keys(ENVIRONMENT).filter((name) => name.startsWith(prefix) && ENVIRONMENT[name]!.readBy.includes(reader));
  const named = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([, name]) => name!))].sort();

  it.each(services)("lists what the %s reads, and nothing else for it", (service) => {
    const config = read(`services/${service}/src/config.ts`);
    const throughSetup = config.includes("cacheFolder()") ? ["SAPHENA_CACHE"] : [];
    expect(registered(service, "SAPHENA_").sort()).toEqual([...named(config, /^ {2}(SAPHENA_\w+):/gm), ...throughSetup].sort());
  });

  it.each(services)("has the defaults of the %s", (service) => {
    const constants: Record<string, string> = { DEFAULT_NAMESPACE, DEFAULT_PORT: String(DEFAULT_PORT) };
    const config = read(`services/${service}/src/config.ts`);
    const defaults = [...config.matchAll(/^ {2}(SAPHENA_\w+): z.*\.default\(([^)]+)\)/gm)].map(([, name, literal]): [string, string] => [
      name!,
      constants[literal!] ?? literal!.replaceAll(/^"|"$|(?<=\d)_(?=\d)/g, ""),
    ]);
    expect(defaults.length).toBeGreaterThan(4);
    expect(Object.fromEntries(defaults.map(([name]) => [name, ENVIRONMENT[name]?.default]))).toEqual(Object.fromEntries(defaults));
  });

  it("lists what the command line reads", () => {
    const names = named(read("packages/cli/src/environment.ts"), /given\("(\w+)"\)/g);
    expect(names.filter((name) => !["HOME", "TERM"].includes(name) && ENVIRONMENT[name]?.readBy.includes("cli") !== true)).toEqual([]);
  });

  it("lists what the object store reads", () => {
    const names = named(read("packages/object-store/src/store-url.ts"), /set\("(\w+)"\)/g);
    expect(names.length).toBeGreaterThan(5);
    expect(
      Object.keys(ENVIRONMENT)
        .filter((name) => name.startsWith("AWS_"))
        .sort(),
    ).toEqual(names);
  });

  it("lists every SAPHENA_ variable that any source names", () => {
    const programs = [...sources()].filter(([path]) => !path.endsWith(".lua"));
    const unlisted = programs.flatMap(([path, text]) =>
      named(text, /\b(SAPHENA_[A-Z_]+)\b/g)
        .filter((name) => ENVIRONMENT[name] === undefined)
        .map((name) => `${path}: ${name}`),
    );
    expect(unlisted).toEqual([]);
  });
});
