/** URI templates (`/orders/{id}/**`): Envoy's `envoy.path.match.uri_template`. */
import { groupsIn, matchesPattern } from "../authorization/pattern.js";

/** What one segment of a path consists of, as a set of characters. */
const characters = "a-zA-Z0-9\\-._~%!$&'()+,;:@=";
const segment = `[${characters}]+`;
const rest = `[${characters}/]*`;

/** True when the whole path, without its query, matches the template. */
export function matchesTemplate(template: string, path: string): boolean {
  return matchesPattern(expressionOf(template), path);
}

/** `*` and `{name}` are one segment, `**` and `{name=**}` any number; `{name=orders/*}` is what stands behind the sign. */
function expressionOf(template: string): string {
  const plain = template.replace(/\{[^{}=]+=([^{}]*)\}/g, "$1").replace(/\{[^{}=]+\}/g, "*");
  return plain
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? rest : part === "*" ? segment : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
    .join("");
}

/** What the variables of a template hold in a path that it matches, by name; none where it does not match. */
export function variablesIn(template: string, path: string): ReadonlyMap<string, string> {
  const names: string[] = [];
  const parts = template.split(/(\{[^{}]*\})/).map((part) => {
    const [, name, inner = "*"] = /^\{([^{}=]+)(?:=([^{}]*))?\}$/.exec(part) ?? [];
    if (name === undefined) return expressionOf(part);
    names.push(name);
    return `(${expressionOf(inner)})`;
  });
  const groups = groupsIn(parts.join(""), path) ?? [];
  return new Map(names.slice(0, groups.length).map((name, i) => [name, groups[i] ?? ""]));
}
