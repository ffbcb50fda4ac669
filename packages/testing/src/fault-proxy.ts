// A loopback HTTP proxy that misbehaves on request: what networks and servers do to clients now and then, at a chosen request.
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";

export type HttpFault =
  | { type: "pass" }
  /** The target never sees the request. */
  | { type: "answer"; status: number; body?: string }
  /** The target carries it out, the client sees its connection break. */
  | { type: "lose-answer" }
  /** The connection breaks after this many bytes of the answer's body. */
  | { type: "cut-body"; afterBytes: number };

export interface FaultProxy {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** Method and path of every request, in order. */
  readonly requests: readonly string[];
  /** Asked before each request; default: pass. */
  fault: (method: string, path: string) => HttpFault;
  stop(): Promise<void>;
}

/** Passes requests on with their headers as they are (signatures stay valid). */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const [method, path] = [request.method ?? "GET", request.url ?? "/"];
    requests.push(`${method} ${path}`);
    const fault = proxy.fault(method, path);
    if (fault.type === "answer") {
      request.resume();
      response.writeHead(fault.status, { "content-type": "application/xml" }).end(fault.body ?? "");
    } else forward(target, request, response, fault);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    fault: () => ({ type: "pass" }),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

function forward(target: string, request: IncomingMessage, response: ServerResponse, fault: Exclude<HttpFault, { type: "answer" }>): void {
  const { hostname, port } = new URL(target);
  const onward = httpRequest(
    { hostname, port, method: request.method, path: request.url, headers: request.rawHeaders, agent: false },
    (answer) => {
      if (fault.type === "lose-answer") {
        answer.resume();
        answer.on("end", () => response.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      if (fault.type === "pass") {
        answer.pipe(response);
        return;
      }
      let left = fault.afterBytes;
      answer.on("data", (chunk: Buffer) => {
        if (left <= 0) return;
        const sent = chunk.subarray(0, left);
        left -= sent.length;
        response.write(sent, () => {
          if (left <= 0) response.destroy();
        });
      });
      answer.on("end", () => response.destroy());
    },
  );
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}
