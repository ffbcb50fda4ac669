// Keeps a long step from looking dead: a line now and then while it runs. Talk goes to stderr, stdout stays data.

const LINE_EVERY_MS = 8_000;

export function sayOnStderr(line) {
  process.stderr.write(`${line}\n`);
}

/** Runs `work`; every few seconds says what `line()` gives. */
export async function withProgress(work, { say = sayOnStderr, line, everyMs = LINE_EVERY_MS }) {
  const ticker = setInterval(() => {
    Promise.resolve(line()).then(say, () => {});
  }, everyMs);
  try {
    return await work();
  } finally {
    clearInterval(ticker);
  }
}
