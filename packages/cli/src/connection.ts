// The client that every command talks to the server with.
import { createClient, type Client } from "@saphena/client";
import { cliEnvironment } from "./environment.ts";

export function connect(): Client {
  const { url, token } = cliEnvironment();
  return createClient({ url, token });
}
