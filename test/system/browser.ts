// A real browser for the dashboard: Debian's chromium, driven by playwright-core, with a fresh profile and nothing that talks to the outside.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import type { BrowserContext, Page } from "playwright-core";
import { temporaryFolder } from "@saphena/testing";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
export const NO_BROWSER_REASON = "no chromium on PATH: apt-get install chromium";

/** Path of a chromium, or null. */
export function findBrowser(): string | null {
  const places = (process.env["PATH"] ?? "").split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return places.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface WatchedPage {
  page: Page;
  /** Console errors, uncaught exceptions and failed requests so far. */
  complaints: string[];
  /** Requests to anything but `origin`. */
  strangers: string[];
  close(): Promise<void>;
}

export async function openPage(executablePath: string, origin: string): Promise<WatchedPage> {
  const flags = ["no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update"];
  const context: BrowserContext = await chromium.launchPersistentContext(await temporaryFolder("browser"), {
    executablePath,
    args: [...flags, "disable-sync"].map((flag) => `--${flag}`),
    viewport: { width: 1280, height: 900 },
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const strangers: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("response", (response) => response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:" && url.protocol !== "blob:") strangers.push(request.url());
  });
  return { page, complaints, strangers, close: () => context.close() };
}
