import type { CommandDef } from "citty";
import { describe, expect, it } from "vitest";
import { rootCommand } from "./command-tree.ts";
import { resolved } from "./resolvable.ts";

interface Leaf {
  name: string;
  command: CommandDef;
}

async function leaves(name: string, command: CommandDef): Promise<Leaf[]> {
  const subCommands = Object.entries(await resolved(command.subCommands ?? {}));
  if (subCommands.length === 0) return [{ name, command }];
  const parts = await Promise.all(
    subCommands.map(async ([word, sub]) => leaves(`${name} ${word}`.trim(), (await resolved(sub)) as CommandDef)),
  );
  return parts.flat();
}

describe("the tree of commands", () => {
  it("is that of the design", async () => {
    const names = (await leaves("", rootCommand)).map(({ name }) => name);
    expect(names.join(", ")).toBe(
      "up, submit, ls, status, trials, best, logs, pause, resume, cancel, retry, dataset import, dataset ls, dataset show, dataset verify, worker, train, index rebuild, doctor",
    );
  });

  it("describes every command and every argument", async () => {
    for (const { name, command } of await leaves("", rootCommand)) {
      const { description } = await resolved(command.meta ?? {});
      const args = Object.entries(await resolved(command.args ?? {}));
      expect({ name, undescribed: [description, ...args.map(([, argument]) => argument.description)].filter((text) => !text) }).toEqual({
        name,
        undescribed: [],
      });
    }
  });
});
