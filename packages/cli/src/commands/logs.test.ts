import { describe, expect, it } from "vitest";
import { formatLogLine } from "./logs.ts";

const time = new Date("2026-11-24T17:07:23.608Z").toTimeString().slice(0, 8);

describe("a line of a run's log", () => {
  it("reads the same from a running run (text) and from a committed one (JSON)", () => {
    expect(formatLogLine("2026-11-24T17:07:23.608Z info attempt 1: started")).toBe(`${time} attempt 1: started`);
    expect(formatLogLine('{"at":"2026-11-24T17:07:23.608Z","level":"info","message":"attempt 1: started"}')).toBe(
      `${time} attempt 1: started`,
    );
  });

  it("names a level that is not info, and leaves a line of another form as it is", () => {
    expect(formatLogLine("2026-11-24T17:07:23.608Z error LOSS_NOT_FINITE: x")).toBe(`${time} error: LOSS_NOT_FINITE: x`);
    for (const line of ["core dumped", "{broken", '"text"', "null"]) expect(formatLogLine(line)).toBe(line);
  });
});
