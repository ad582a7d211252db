/** One ejection of a called instance, or its return, as Envoy's event log of outlier detection says it on standard output. */

/** See the file's sentence. */
export interface Ejection {
  readonly service: string;
  /** `host:port`. */
  readonly address: string;
  readonly action: "eject" | "return";
  /** In words, which of Envoy's detectors it was. */
  readonly cause: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** envoy.data.cluster.v3.OutlierDetectionEvent in proto JSON, as far as it is read. */
interface EventLine {
  readonly type?: string;
  readonly timestamp?: string;
  readonly cluster_name?: string;
  readonly upstream_url?: string;
  readonly action?: string;
  readonly enforced?: boolean;
}

/** Reads a line of Envoy's output. Undefined for any other line, and for an ejection that Envoy only counted. */
export function ejectionOf(line: string): Ejection | undefined {
  if (!line.startsWith("{") || !line.includes('"upstream_url"')) return undefined;
  const said = parsed(line);
  const { cluster_name: service, upstream_url: address, action, timestamp = "", type = "" } = said ?? {};
  if (!service || !address || (action !== "EJECT" && action !== "UNEJECT")) return undefined;
  if (action === "EJECT" && said?.enforced !== true) return undefined;
  const at = Date.parse(timestamp);
  if (Number.isNaN(at)) return undefined;
  return { service, address, action: action === "EJECT" ? "eject" : "return", cause: type.toLowerCase().replaceAll("_", " "), at };
}

function parsed(line: string): EventLine | undefined {
  try {
    return JSON.parse(line) as EventLine;
  } catch {
    return undefined;
  }
}
