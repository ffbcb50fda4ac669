// The typed client: what scripts, the CLI and the dashboard talk to a Saphena server with. Needs nothing but `fetch`.
//
//   import { createClient, defineSweep } from "@saphena/client";
//   const client = createClient({ url: "http://127.0.0.1:8321" });
//   const sweep = await client.submit(defineSweep({ name: "tones", dataset: "tones", budget: { trials: 3 } }));
//   console.log((await sweep.wait()).best);
export { createClient, newSweepId } from "./client.ts";
export type { Client } from "./client.ts";
export { defineSweep } from "./define-sweep.ts";
export type { SweepEvent } from "./event-stream.ts";
export { throughOutages } from "./outage.ts";
export type { OutageOptions } from "./outage.ts";
export type { Sweep, WaitOptions } from "./sweep-handle.ts";
export type { ClientOptions } from "./transport.ts";
