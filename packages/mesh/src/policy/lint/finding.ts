/** What is odd about policies that are right: told, and not refused. */
import { documentKey } from "../document.js";
import { pathText } from "../flaw.js";

/** Stable names of what is found, for programs. */
export type FindingCode =
  | "tries-outlast-request"
  | "connecting-outlasts-request"
  | "slow-start-unknown"
  | "balancing-without-effect"
  | "panic-without-effect"
  | "window-unknown"
  | "repeated-in-vain"
  | "retry-storm"
  | "timeout-longer-than-callers"
  | "service-unknown"
  | "subset-empty"
  | "subset-unknown";

/** One thing that is odd. */
export interface Finding {
  readonly code: FindingCode;
  /** `warning`: it will probably not do what is meant. `info`: good to know. */
  readonly severity: "warning" | "info";
  /** `Kind/name`: the document that can mend it. */
  readonly document: string;
  /** The place in it, as `pathText` writes it. */
  readonly path: string;
  /** What is odd, and the fix. */
  readonly message: string;
}

/** A document, and a place in it. */
export interface Place {
  readonly kind: string;
  readonly name: string;
  readonly path: readonly PropertyKey[];
}

/** Makes a finding. */
export function finding(
  code: FindingCode,
  { kind, name, path }: Place,
  message: string,
  severity: Finding["severity"] = "warning",
): Finding {
  return { code, severity, document: documentKey({ kind, name }), path: pathText(path), message };
}

/** A finding in a line. */
export function findingText({ severity, code, document, path, message }: Finding): string {
  return `${severity}: ${document}: ${path === "" ? "" : `${path}: `}${message} (${code})`;
}
