// `uploaded 120 of 1580`: a count on stderr, redrawn in place on a terminal, a line every ten seconds elsewhere.
import { liveArea, say } from "./terminal.ts";

export interface Counter {
  readonly show: (done: number, total: number) => void;
  /** Leaves the last count where it stands. */
  readonly end: () => void;
}

const REDRAW_MS = 100;
const LINE_MS = 10_000;

export function counter(verb: string): Counter {
  const area = process.stderr.isTTY ? liveArea() : null;
  let shownAtMs = Date.now();
  return {
    show(done, total) {
      const now = Date.now();
      const isLast = done === total && area !== null;
      if (!isLast && now - shownAtMs < (area === null ? LINE_MS : REDRAW_MS)) return;
      shownAtMs = now;
      const line = `${verb} ${done} of ${total}`;
      if (area === null) say(line);
      else area.draw([line]);
    },
    end: () => area?.end(),
  };
}
