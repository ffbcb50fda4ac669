// One client for the page. A server that asks for a token gets the one typed in, kept for this browser tab only.
import { createClient } from "@saphena/client";
import type { Client } from "@saphena/client";

const TOKEN_KEY = "saphena-token";

export function api(): Client {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return createClient({ url: location.origin, ...(token === null ? {} : { token }) });
}

export function rememberToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token);
}
