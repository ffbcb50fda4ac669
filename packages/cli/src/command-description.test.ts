import { describe, expect, it } from "vitest";
import { describeCommands } from "./command-description.ts";

describe("the commands as data", () => {
  it("are those of the design, each with a description of itself and of every argument", async () => {
    const commands = await describeCommands();
    expect(commands.map(({ name }) => name.replace("saphena ", ""))).toEqual([
      "up",
      "submit",
      "ls",
      "status",
      "trials",
      "best",
      "logs",
      "pause",
      "resume",
      "cancel",
      "retry",
      "dataset import",
      "dataset ls",
      "dataset show",
      "dataset verify",
      "worker",
      "train",
      "index rebuild",
      "doctor",
    ]);
    for (const command of commands) {
      expect(command.description).not.toBe("");
      for (const argument of command.arguments) expect(argument).toMatchObject({ description: expect.stringMatching(/./) as string });
    }
    expect(commands.find(({ name }) => name === "saphena resume")?.arguments).toEqual([
      { form: "SWEEP", isRequired: true, description: "id of a sweep, the beginning of it, its name, or `latest`" },
      { form: "--trials +N", isRequired: false, description: "raise the budget by N trials" },
    ]);
  });
});
