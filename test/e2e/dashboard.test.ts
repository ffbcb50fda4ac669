// The dashboard in a real browser, on a real system that trains: what it shows is what the API says, and it gets there without a reload.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Sweep } from "@saphena/client";
import { until } from "@saphena/testing";
import { findBrowser, NO_BROWSER_REASON, openPage } from "../system/browser.ts";
import type { WatchedPage } from "../system/browser.ts";
import { importTiny, TINY_SWEEP } from "../system/leaderboard.ts";
import { startSystem } from "../system/system.ts";
import type { System } from "../system/system.ts";

/** What is used of the browser's canvas; the tests are compiled without the browser's types. */
interface Canvas {
  width: number;
  height: number;
  toDataURL(): string;
  getContext(kind: "2d"): { getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray } };
}

const browser = findBrowser();
/** Set to keep pictures for a person to look at. */
const shots = process.env["SHOTS_FOLDER"];

describe.skipIf(browser === null)(`the dashboard${browser === null ? ` (${NO_BROWSER_REASON})` : ""}`, () => {
  let system: System;
  let watched: WatchedPage;
  let sweep: Sweep;

  const show = (hash: string): Promise<unknown> => watched.page.goto(`${system.url}/${hash}`);
  const shoot = async (name: string): Promise<void> => {
    if (shots === undefined) return;
    mkdirSync(shots, { recursive: true });
    await watched.page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  };
  /** Text of every cell of the page's table, row by row. */
  const cells = (): Promise<string[][]> =>
    watched.page
      .locator("table tbody tr")
      .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent ?? "")));
  const state = (): Promise<string | null> => watched.page.locator("h1 .state").textContent();
  /** How many pixels of the chart are neither white nor grey: lines are coloured, axes and letters are not. */
  const colouredPixels = (): Promise<number> =>
    watched.page.locator(".chart canvas").evaluate((element) => {
      const canvas = element as unknown as Canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let coloured = 0;
      for (let i = 0; i < data.length; i += 4) {
        const channels = [data[i]!, data[i + 1]!, data[i + 2]!];
        if (Math.max(...channels) - Math.min(...channels) > 60) coloured++;
      }
      return coloured;
    });
  const picture = (): Promise<string> =>
    watched.page.locator(".chart canvas").evaluate((element) => (element as unknown as Canvas).toDataURL());

  beforeAll(async () => {
    system = await startSystem({ workers: 2, slots: 1 });
    watched = await openPage(browser!, system.url);
    await importTiny(system.env);
  });
  afterAll(async () => {
    await watched?.close();
    await system?.stop();
  });

  it("says how to begin while there is no sweep", async () => {
    await show("");
    await until(async () => (await watched.page.textContent("main"))?.includes("No sweep yet"), { what: "the empty list" });
    await shoot("empty");
  });

  it("lists a sweep that was submitted, without a reload, and leads to its page", async () => {
    sweep = await system.client.submit(TINY_SWEEP);
    const link = watched.page.locator(`a[href="#/sweeps/${sweep.id}"]`);
    await link.waitFor();
    expect((await cells())[0]).toEqual(expect.arrayContaining(["tiny", sweep.id, (await sweep.status()).dataset, "0 / 2", "3"]));
    await link.click();
    await until(async () => (await watched.page.locator("h1").textContent())?.startsWith("tiny"), { what: "the page of the sweep" });
  });

  it("shows a running sweep live until it is completed, with the API's numbers", async () => {
    await until(async () => (await state()) === "running" && (await watched.page.locator(".slots li").count()) > 0, {
      timeoutMs: 60_000,
      what: "a run in a slot",
    });
    await until(async () => (await colouredPixels()) > 100, { timeoutMs: 60_000, what: "lines while it runs" });
    await watched.page.locator(".chart").hover();
    await shoot("running");
    const loads: string[] = [];
    watched.page.on("framenavigated", (frame) => loads.push(frame.url()));
    await sweep.wait({ pollMs: 200 });
    await until(async () => (await state()) === "completed", { what: "the state completed" });

    const trials = await sweep.trials();
    const expected = trials
      .toSorted((a, b) => b.metrics["dice"]! - a.metrics["dice"]!)
      .map((trial) => [
        String(trial.number),
        "completed",
        String(Number((trial.parameters["train.optimizer.learningRate"] as number).toPrecision(4))),
        ...[trial.metrics["dice"]!, trial.metrics["accuracy"]!, ...trial.folds.map(({ metrics }) => metrics["dice"]!)].map((value) =>
          value.toFixed(4),
        ),
      ]);
    expect(expected).toHaveLength(2);
    await until(async () => JSON.stringify(await cells()) === JSON.stringify(expected), { what: "the API's numbers" }).catch(
      () => undefined,
    );
    expect(await cells()).toEqual(expected);
    expect(loads).toEqual([]);
  });

  it("draws the curve that is chosen", async () => {
    expect(await colouredPixels()).toBeGreaterThan(500);
    const losses = await picture();
    await shoot("loss");
    await watched.page.getByLabel("Curve").selectOption("dice");
    await until(async () => (await picture()) !== losses && (await colouredPixels()) > 500, { what: "the Dice curves" });
    await shoot("dice");
    await watched.page.setViewportSize({ width: 420, height: 900 });
    await shoot("narrow");
  });

  it("complained about nothing and asked nobody else", () => {
    expect(watched.complaints).toEqual([]);
    expect(watched.strangers).toEqual([]);
  });
});
