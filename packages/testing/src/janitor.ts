// What a test must not leave behind: servers that outlive it and folders it made. One small shell per test process cleans both when that
// process is gone, however it went (vitest ends its workers by signal, so exit handlers would not run).
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";

// Reads orders until its input closes, which is when the test process has died; then it ends the process groups and removes the folders.
// `<id> N` notes a process group, `over N` forgets it (its number may be reused), `rm PATH` notes a folder.
const SCRIPT = `
groups=" "
set --
while IFS= read -r order; do
  case "$order" in
    "id "*) groups="$groups\${order#id } " ;;
    "over "*) id="\${order#over }"; groups="\${groups%% $id *} \${groups#* $id }" ;;
    "rm "*) set -- "$@" "\${order#rm }" ;;
  esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
[ $# -eq 0 ] || rm -rf -- "$@"
`;

let orders: Writable | undefined;

function order(line: string): void {
  orders ??= startJanitor();
  orders.write(`${line}\n`);
}

function startJanitor(): Writable {
  // Detached, so that Ctrl-C on the terminal reaches the test runner and not the janitor.
  const janitor = spawn("/bin/sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  janitor.unref();
  // A child's stdin is a socket at run time; it must not keep the test process alive.
  (janitor.stdin as Writable & { unref?: () => void }).unref?.();
  janitor.stdin.on("error", () => undefined);
  return janitor.stdin;
}

/** Kills this process group once the test process is gone. */
export function endWithTest(processGroup: number): void {
  order(`id ${processGroup}`);
}

/** The process group has ended by itself. */
export function hasEnded(processGroup: number): void {
  order(`over ${processGroup}`);
}

/** Removes this folder once the test process is gone. */
export function removeWithTest(folder: string): void {
  order(`rm ${folder}`);
}
