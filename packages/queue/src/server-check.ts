// Is this Redis server one that Saphena may trust with live state? Decided from the text of INFO.
export type ServerVerdict = { suitable: true; warnings: string[] } | { suitable: false; why: string };

const MINIMUM = [6, 2] as const;

export function checkServer(info: string): ServerVerdict {
  const fields = new Map(
    info
      .split(/\r?\n/)
      .flatMap((line) => (line.includes(":") ? [[line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)] as const] : [])),
  );
  const version = fields.get("redis_version") ?? "unknown";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (!(major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]))) return { suitable: false, why: `its version is ${version}` };
  const policy = fields.get("maxmemory_policy") ?? "unknown";
  // With any other policy Redis may silently drop keys of running sweeps.
  if (policy !== "noeviction") return { suitable: false, why: `its maxmemory-policy is ${policy}` };
  if (fields.get("cluster_enabled") === "1") return { suitable: false, why: "it is a node of a cluster; a single server is needed" };
  const aof = fields.get("aof_enabled") === "1";
  return {
    suitable: true,
    warnings: aof
      ? []
      : ["this Redis server keeps no append-only file: a restart may lose the state of running sweeps (set `appendonly yes`)"],
  };
}
