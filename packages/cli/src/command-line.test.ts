import type { CommandDef } from "citty";
import { describe, expect, it } from "vitest";
import { allValues, checkArguments, findCommand, wholeNumber } from "./command-line.ts";

const definitions = {
  file: { type: "positional", required: true, description: "a file" },
  set: { type: "string", description: "a setting" },
  watch: { type: "boolean", alias: "w", description: "watch" },
} as const;
// Not through defineCommand, whose type for each set of arguments fits no common one.
const root: CommandDef = {
  meta: { name: "saphena" },
  subCommands: { submit: { args: definitions }, dataset: { subCommands: { ls: {} } } },
};

const check = async (...words: string[]): Promise<string> => {
  try {
    await checkArguments(await findCommand(root, words));
    return "ok";
  } catch (error) {
    return (error as Error).message.replace("the command line is not understood: ", "");
  }
};

describe("the command line", () => {
  it("finds nested commands and says which there are", async () => {
    expect(await check("dataset", "ls")).toBe("ok");
    expect(await check("dataset")).toBe("saphena dataset needs a command: ls");
    expect(await check("dataste", "ls")).toBe('saphena has no command "dataste"; did you mean `saphena dataset`?');
    expect(await check("constructor")).toBe('saphena has no command "constructor"');
    expect(await check("--json")).toBe("saphena has no flag --json");
  });

  it("refuses what citty would let pass", async () => {
    expect(await check("submit", "a.yaml", "-w", "--set", "x=1", "--set=y=2")).toBe("ok");
    expect(await check("submit", "a.yaml", "--wach")).toBe("saphena submit has no flag --wach; did you mean --watch?");
    expect(await check("submit", "a.yaml", "--no-watch")).toContain("has no flag --no-watch");
    expect(await check("submit")).toBe("saphena submit needs FILE: a file");
    expect(await check("submit", "a.yaml", "b.yaml")).toBe('saphena submit does not take "b.yaml"');
    expect(await check("submit", "a.yaml", "--set")).toBe("--set needs a value");
    expect(await check("submit", "a.yaml", "--watch=yes")).toBe("--watch takes no value");
  });

  it("keeps every value of a repeated flag", () => {
    expect(allValues(["a.yaml", "--set", "x=1", "--set=y=-2"], "set", definitions)).toEqual(["x=1", "y=-2"]);
  });

  it("takes whole numbers within limits, +N too", () => {
    const limits = { min: 1, max: 10 };
    expect([wholeNumber("+3", "--n", limits), wholeNumber("10", "--n", limits), wholeNumber(undefined, "--n", limits)]).toEqual([
      3,
      10,
      undefined,
    ]);
    for (const text of ["0", "11", "1.5", "", "x", "1e1"]) expect(() => wholeNumber(text, "--n", limits)).toThrow("--n");
  });
});
