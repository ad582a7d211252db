/** One call that this instance's Envoy refused, or would refuse in `enforce`, as Envoy's line says it. */
import { type DeniedCallLine, deniedCallMark, serviceIdentityOf } from "@legation/contract";

/** See the file's sentence. */
export interface DeniedCall {
  /** The name of the service, or what the certificate says instead. */
  readonly caller: string;
  readonly callee: string;
  readonly rule: string;
  /** It passed, because the rules only count. */
  readonly shadow: boolean;
  /** Of a request; absent for TCP. The path is without its query. */
  readonly method?: string;
  readonly path?: string;
}

const longest = 256;

/** Reads a line of Envoy's output. Undefined for any other line. Lines are many under a flood, so that most are told by how they begin. */
export function deniedCallOf(line: string): DeniedCall | undefined {
  if (!line.startsWith("{") || !line.includes(`"${deniedCallMark}"`)) return undefined;
  const said = parsed(line);
  if (said?.legation !== deniedCallMark) return undefined;
  const { rule, shadow, shadowTcp, termination, method, path } = said;
  const closed = /^rbac_access_denied\w*\[(.*)\]$/.exec(termination ?? "")?.[1];
  return {
    caller: nameOf(said.caller),
    callee: nameOf(said.callee),
    rule: (rule || closed || shadow || shadowTcp || "unknown").slice(0, longest),
    shadow: !rule && closed === undefined,
    ...(method ? { method: method.slice(0, longest) } : {}),
    ...(path ? { path: path.replace(/[?#].*$/, "") } : {}),
  };
}

function parsed(line: string): Partial<DeniedCallLine> | undefined {
  try {
    return JSON.parse(line) as Partial<DeniedCallLine>;
  } catch {
    return undefined;
  }
}

function nameOf(uri: string | null | undefined): string {
  return (serviceIdentityOf(uri ?? "")?.service || uri || "unknown").slice(0, longest);
}
