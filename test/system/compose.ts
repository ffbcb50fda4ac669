// docker-compose.yml and the Dockerfile as data, with variables and merge keys resolved as `docker compose` does it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { REPOSITORY } from "./repository.ts";

export interface ComposeService {
  image?: string;
  build?: { context: string; dockerfile: string; target: string; args?: Record<string, string> };
  command: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  ports?: string[];
  volumes?: string[];
  /** Started only when one of these is asked for; without any, always. */
  profiles?: string[];
  deploy?: { resources: { reservations: { devices: { driver: string; count: string | number; capabilities: string[] }[] } } };
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
  volumes: Record<string, null>;
}

/** `environment` stands in for the shell's: none of its variables are set by default. */
export function readComposeFile(environment: Readonly<Record<string, string>> = {}): ComposeFile {
  const text = readFileSync(join(REPOSITORY, "docker-compose.yml"), "utf8");
  return interpolated(parse(text, { merge: true }), environment) as ComposeFile;
}

/** `${NAME:-default}` in every string; any other form of variable is refused, so that none passes unread. */
function interpolated(value: unknown, environment: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((item) => interpolated(item, environment));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolated(item, environment)]));
  if (typeof value !== "string") return value;
  const resolved = value.replaceAll(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, fallback: string) => environment[name] || fallback);
  if (resolved.includes("$")) throw new Error(`docker-compose.yml: ${value} has a variable without a default`);
  return resolved;
}

export interface DockerStage {
  name: string;
  /** An image or the name of an earlier stage. */
  from: string;
  command: string[] | null;
  /** ARG with its default, of this stage alone. */
  arguments: Record<string, string>;
  /** ENV of the stage and of those it stands on. */
  environment: Record<string, string>;
}

export function readDockerfile(path: string): DockerStage[] {
  const stages: DockerStage[] = [];
  for (const line of readFileSync(join(REPOSITORY, path), "utf8").split("\n")) {
    const [, from, name] = /^FROM (\S+) AS (\S+)$/.exec(line) ?? [];
    if (from !== undefined && name !== undefined) {
      const base = stages.find((stage) => stage.name === from);
      stages.push({ name, from, command: null, arguments: {}, environment: { ...base?.environment } });
    }
    const stage = stages.at(-1);
    if (stage !== undefined) readInstruction(line, stage);
  }
  return stages;
}

function readInstruction(line: string, stage: DockerStage): void {
  const command = /^CMD (\[.*\])$/.exec(line)?.[1];
  if (command !== undefined) stage.command = JSON.parse(command) as string[];
  const [, kind, variable, value] = /^(ARG|ENV) (\w+)=(\S+)$/.exec(line) ?? [];
  if (variable !== undefined && value !== undefined) stage[kind === "ARG" ? "arguments" : "environment"][variable] = value;
}
