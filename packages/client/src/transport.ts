// One HTTP request to the front door: token, time limit, retry while the server is still starting, errors as SaphenaError.
// A refused connection never reached the server and a server that says it is not ready did nothing, so both may always be tried again;
// a lost answer, or a proxy that says so, only where the route is idempotent.
import { API, SaphenaError, errorReplySchema } from "@saphena/contracts";

export interface ClientOptions {
  /** Such as `http://127.0.0.1:8321`. */
  url: string;
  token?: string | undefined;
  /** Default: the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** How long a loopback server that refuses connections is waited for; default 15,000. */
  retryMs?: number;
}

/** What `parse` needs of a schema; zod's schemas fit. */
export interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { message: string } };
}

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT";
  json?: unknown;
  body?: Uint8Array | Blob;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Does asking twice do the same as asking once? Default: true for GET and PUT. */
  idempotent?: boolean;
  /** For the whole answer; default 60,000. null = no limit. */
  timeoutMs?: number | null;
}

export interface Transport {
  readonly url: string;
  readonly request: (path: string, options?: RequestOptions) => Promise<Response>;
  /** The reply's JSON, parsed by `schema`. */
  readonly json: <T>(schema: Schema<T>, path: string, options?: RequestOptions) => Promise<T>;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

export function createTransport(options: ClientOptions): Transport {
  const url = checkedUrl(options.url);
  const token = checkedToken(options.token);
  const send = options.fetch ?? globalThis.fetch;
  const retryMs = options.retryMs ?? 15_000;
  const loopback = isLoopback(url);

  async function once(path: string, request: RequestOptions): Promise<Response> {
    const timeoutMs = request.timeoutMs === undefined ? 60_000 : request.timeoutMs;
    const signals = [request.signal, timeoutMs === null ? undefined : AbortSignal.timeout(timeoutMs)].filter(
      (signal) => signal !== undefined,
    );
    const response = await send(`${url}${API}${path}`, {
      method: request.method ?? "GET",
      headers: {
        accept: "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(request.json === undefined ? {} : { "content-type": "application/json" }),
        ...request.headers,
      },
      ...bodyOf(request),
      ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
    });
    if (!response.ok) throw await errorOf(response, url);
    return response;
  }

  async function requestWithPatience(path: string, request: RequestOptions = {}): Promise<Response> {
    const idempotent = request.idempotent ?? request.method !== "POST";
    const giveUpAtMs = Date.now() + retryMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        return await once(path, request);
      } catch (thrown) {
        if (request.signal?.aborted === true) throw thrown;
        const fault = classify(thrown);
        if (!mayRepeat(fault, { idempotent, loopback }) || Date.now() + pauseMs > giveUpAtMs) {
          throw asSaphenaError(thrown, fault, { url, idempotent });
        }
        await pause(pauseMs, request.signal);
      }
    }
  }

  async function json<T>(schema: Schema<T>, path: string, asked: RequestOptions = {}): Promise<T> {
    const response = await requestWithPatience(path, asked);
    let body: unknown;
    try {
      body = await response.json();
    } catch (cause) {
      throw new SaphenaError("SERVER_UNREACHABLE", `what answers at ${url} is not a Saphena server`, { hint: "check SAPHENA_URL", cause });
    }
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new SaphenaError("INTERNAL", `the server's answer to ${path} is not what this client expects: ${parsed.error.message}`, {
      hint: "client and server are probably of different versions; update the older one",
    });
  }

  return { url, request: requestWithPatience, json };
}

function bodyOf(request: RequestOptions): { body?: NonNullable<RequestInit["body"]> } {
  if (request.json !== undefined) return { body: JSON.stringify(request.json) };
  return request.body === undefined ? {} : { body: request.body as NonNullable<RequestInit["body"]> };
}

/**
 * refused: no server there; starting: it said itself that it is not ready; gateway: a proxy has no answer from it; lost: no answer, perhaps
 * after acting; timeout; answer: it said no.
 */
type Fault = "refused" | "starting" | "gateway" | "lost" | "timeout" | "answer";

function mayRepeat(fault: Fault, { idempotent, loopback }: { idempotent: boolean; loopback: boolean }): boolean {
  switch (fault) {
    case "refused":
      return loopback;
    case "starting":
      return true;
    case "gateway":
      return idempotent;
    case "lost":
      return idempotent && loopback;
    case "timeout":
    case "answer":
      return false;
  }
}

/** A proxy in front of the server answers in its place. 504, and often 502, come after the server has got the request. */
class GatewayAnswer extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`a proxy answers ${status}`);
    this.status = status;
  }
}

function classify(thrown: unknown): Fault {
  if (thrown instanceof GatewayAnswer) return "gateway";
  if (thrown instanceof SaphenaError) return thrown.code === "SERVER_NOT_READY" ? "starting" : "answer";
  if (thrown instanceof Error && thrown.name === "TimeoutError") return "timeout";
  return causes(thrown).some((cause) => (cause as { code?: unknown }).code === "ECONNREFUSED") ? "refused" : "lost";
}

/** The error, its causes and the parts of an AggregateError (which `localhost` gives: one a address family). */
function causes(thrown: unknown): object[] {
  if (typeof thrown !== "object" || thrown === null) return [];
  const { cause, errors } = thrown as { cause?: unknown; errors?: unknown };
  return [thrown, ...causes(cause), ...(Array.isArray(errors) ? errors.flatMap(causes) : [])];
}

function asSaphenaError(thrown: unknown, fault: Fault, { url, idempotent }: { url: string; idempotent: boolean }): SaphenaError {
  if (thrown instanceof SaphenaError) return thrown;
  const deepest = causes(thrown).at(-1);
  const told = deepest instanceof Error ? deepest.message : String(thrown);
  const why = fault === "refused" ? "connection refused" : fault === "timeout" ? "no answer in time" : told;
  const mayHaveActed = fault !== "refused" && !idempotent;
  return new SaphenaError("SERVER_UNREACHABLE", `${url} (${why})`, {
    ...(mayHaveActed ? { hint: "it may have done what was asked all the same: look before you ask again" } : {}),
    cause: thrown,
  });
}

/** The error in a refusing answer; something that is not our server is named as such. */
async function errorOf(response: Response, url: string): Promise<Error> {
  const text = await response.text().catch(() => "");
  const parsed = errorReplySchema.safeParse(parseJson(text));
  if (parsed.success) return SaphenaError.fromBody(parsed.data.error);
  if (response.status === 502 || response.status === 503 || response.status === 504) return new GatewayAnswer(response.status);
  return new SaphenaError("SERVER_UNREACHABLE", `what answers at ${url} is not a Saphena server (HTTP ${response.status})`, {
    hint: "check SAPHENA_URL",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new SaphenaError("ENVIRONMENT_INVALID", `SAPHENA_URL ${JSON.stringify(text)} is not an http:// or https:// address`, {
      hint: "the default is http://127.0.0.1:8321",
    });
  }
  if (url.username !== "" || url.password !== "") {
    throw new SaphenaError("ENVIRONMENT_INVALID", "SAPHENA_URL holds a user name or password", { hint: "give the token in SAPHENA_TOKEN" });
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

/** Checked here, because fetch's own complaint would repeat the token. */
function checkedToken(token: string | undefined): string | undefined {
  if (token === undefined || token === "") return undefined;
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new SaphenaError("ENVIRONMENT_INVALID", "SAPHENA_TOKEN has characters that do not fit into an HTTP header");
  return token;
}

function isLoopback(url: string): boolean {
  const host = new URL(url).hostname;
  return host === "localhost" || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}

/** Rejects at once with the signal's reason when it is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
