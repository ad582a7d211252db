/** Whether a request is what a permission speaks of, as Envoy's own matchers answer it. */
import type { HeaderMatch, Permission, TextMatch } from "./intention.js";
import { matchesPattern } from "./pattern.js";

/** A request as the callee's Envoy sees it. */
export interface CallRequest {
  /** In capitals. Default GET. */
  readonly method?: string;
  /** With or without a query. Default `/`. */
  readonly path?: string;
  /** Names in any case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** True when every part of the permission matches. */
export function permissionMatches({ path, methods, headers }: Permission, request: CallRequest): boolean {
  const { method = "GET", path: whole = "/" } = request;
  if (path && !textMatches(path, withoutQuery(whole), false)) return false;
  if (methods.length > 0 && !methods.includes(method)) return false;
  const words = headersOf(request, method, whole);
  return headers.every((header) => headerMatches(header, words.get(header.name.toLowerCase())));
}

function withoutQuery(path: string): string {
  return /^[^?#]*/.exec(path)?.[0] ?? "";
}

function headersOf(request: CallRequest, method: string, path: string): ReadonlyMap<string, string> {
  const sent = Object.entries(request.headers ?? {}).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  return new Map([...sent, [":method", method], [":path", path]]);
}

/** A missing header matches nothing but an inverted `present`. */
function headerMatches({ value, ignoreCase, invert }: HeaderMatch, found: string | undefined): boolean {
  if (value === "present") return (found !== undefined) !== invert;
  return found !== undefined && textMatches(value, found, ignoreCase) !== invert;
}

function textMatches({ kind, value }: TextMatch, text: string, ignoreCase: boolean): boolean {
  if (kind === "regex") return matchesPattern(value, text);
  const [wanted, found] = ignoreCase ? [lower(value), lower(text)] : [value, text];
  switch (kind) {
    case "exact":
      return found === wanted;
    case "prefix":
      return found.startsWith(wanted);
    case "suffix":
      return found.endsWith(wanted);
    case "contains":
      return found.includes(wanted);
  }
}

/** Envoy knows the case of ASCII letters only. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
