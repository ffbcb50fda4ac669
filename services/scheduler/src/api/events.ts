// GET /sweeps/:sweep/events: server-sent events for dashboards and `--watch`. Nothing is replayed: on (re)connecting the client is told
// the status and that the table changed, and reads the rest from the results API.
import { API, SWEEP_ID, SaphenaError, isFinal } from "@saphena/contracts";
import type { LivePoints } from "@saphena/contracts";
import type { LiveState } from "@saphena/queue";
import type { ServerResponse } from "node:http";
import type { LiveEvents } from "../live-events.ts";
import { sweepStatus } from "../sweep-status.ts";
import type { Api } from "@saphena/service";
import { sweepParams } from "./sweeps.ts";

/** Twice a second at most. */
const FLUSH_MS = 500;
const WORKERS_MS = 2000;
const KEEP_ALIVE_MS = 15_000;
/** A sweep whose events were missed is looked at this often all the same. */
const LOOK_MS = 5000;
/** A reader that does not keep up is spared the points: it will read the curves. */
const MOST_BUFFERED_BYTES = 1024 * 1024;
const MOST_POINTS = 2000;

interface EventParts {
  state: LiveState;
  live: LiveEvents;
}

export function eventRoutes(app: Api, parts: EventParts): void {
  const open = new Set<EventStream>();
  app.addHook("preClose", (done) => {
    for (const stream of open) stream.close();
    done();
  });
  app.get(
    `${API}/sweeps/:sweep/events`,
    { schema: { tags: ["sweeps"], summary: "Server-sent events: status, points, trials, workers", params: sweepParams } },
    async (request, reply) => {
      const { sweep } = request.params;
      if (!SWEEP_ID.test(sweep) || (await parts.state.sweep(sweep)) === null) throw new SaphenaError("SWEEP_NOT_FOUND", sweep);
      reply.hijack();
      const stream = new EventStream(parts, sweep, reply.raw);
      open.add(stream);
      reply.raw.on("close", () => {
        stream.close();
        open.delete(stream);
      });
      stream.start();
    },
  );
}

class EventStream {
  readonly #parts: EventParts;
  readonly #sweep: string;
  readonly #response: ServerResponse;
  readonly #timers: NodeJS.Timeout[] = [];
  #leave: () => void = () => undefined;
  #points: LivePoints[] = [];
  #changed = true;
  #looking = false;
  #lookedAtMs = 0;
  #running = true;
  #status = "";
  #workers = "";

  constructor(parts: EventParts, sweep: string, response: ServerResponse) {
    this.#parts = parts;
    this.#sweep = sweep;
    this.#response = response;
  }

  start(): void {
    this.#response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    this.#response.write("retry: 1000\n\n");
    this.#leave = this.#parts.live.subscribe(this.#sweep, {
      points: (points) => {
        if (this.#points.length < MOST_POINTS) this.#points.push(points);
      },
      changed: () => {
        this.#changed = true;
      },
    });
    const every = (ms: number, work: () => void): void => void this.#timers.push(setInterval(work, ms));
    every(FLUSH_MS, () => void this.#flush());
    every(WORKERS_MS, () => void this.#sendWorkers());
    every(KEEP_ALIVE_MS, () => this.#write(": still here\n\n"));
    void this.#flush();
    void this.#sendWorkers();
  }

  close(): void {
    this.#leave();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    if (!this.#response.writableEnded) this.#response.end();
  }

  async #flush(): Promise<void> {
    const points = this.#points.splice(0);
    if (this.#response.writableLength < MOST_BUFFERED_BYTES) for (const one of points) this.#send("points", one);
    const due = this.#changed || points.length > 0 || (this.#running && performance.now() - this.#lookedAtMs >= LOOK_MS);
    if (!due || this.#looking) return;
    this.#looking = true;
    if (this.#changed) this.#send("trials", {});
    this.#changed = false;
    this.#lookedAtMs = performance.now();
    try {
      const [sweep, nowMs] = await Promise.all([this.#parts.state.sweep(this.#sweep), this.#parts.state.nowMs()]);
      if (sweep === null) return;
      this.#running = !isFinal(sweep.state);
      const status = sweepStatus(sweep, nowMs);
      // The estimate changes with every look; alone it is no news.
      const news = JSON.stringify({ ...status, etaSeconds: null });
      if (news !== this.#status) this.#send("status", status);
      this.#status = news;
    } catch {
      this.#changed = true; // Redis is away or the server closes: look again
    } finally {
      this.#looking = false;
    }
  }

  async #sendWorkers(): Promise<void> {
    try {
      const workers = await this.#parts.state.workers();
      // When each was last seen and how busy its devices were changes always; alone it is no news.
      const news = JSON.stringify(workers.map((worker) => ({ ...worker, lastSeenMs: 0, devices: [] })));
      if (news !== this.#workers) this.#send("workers", workers);
      this.#workers = news;
    } catch {
      // As above: the next look will tell.
    }
  }

  #send(event: string, data: unknown): void {
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #write(text: string): void {
    if (!this.#response.writableEnded && !this.#response.destroyed) this.#response.write(text);
  }
}
