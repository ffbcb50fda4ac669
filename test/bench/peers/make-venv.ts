// `node test/dist/bench/peers/make-venv.js`: makes the virtual environment of the peers and prints its interpreter.
import { formatError } from "@saphena/setup";
import { ensurePeersPython } from "./venv.ts";

try {
  console.log(await ensurePeersPython((line) => console.error(`peers: ${line}`)));
} catch (error) {
  process.stderr.write(formatError(error));
  process.exitCode = 1;
}
