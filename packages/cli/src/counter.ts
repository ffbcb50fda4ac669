// `uploaded 120 of 1580`: a count on stderr, redrawn in place on a terminal, a line every ten seconds elsewhere.
import { liveArea, say } from "./terminal.ts";

export interface Counter {
  step(): void;
  /** Says the last count once more where lines are kept. */
  end(): void;
}

const REDRAW_MS = 100;
const LINE_MS = 10_000;

export function counter(verb: string, total: number): Counter {
  const area = process.stderr.isTTY ? liveArea() : null;
  let done = 0;
  let shownAtMs = Date.now();
  const show = (): void => {
    shownAtMs = Date.now();
    const line = `${verb} ${done} of ${total}`;
    if (area === null) say(line);
    else area.draw([line]);
  };
  return {
    step() {
      done++;
      if (Date.now() - shownAtMs > (area === null ? LINE_MS : REDRAW_MS)) show();
    },
    end() {
      if (total > 0 && area !== null) show();
      area?.end();
    },
  };
}
