/** Path templates such as `/users/{id}/*`: the part of Envoy's `uri_template` that it is sure to take. */

/** Variables of one template at most, and the longest name of one: Envoy's limits. */
const mostVariables = 5;

const literal = /^[A-Za-z0-9\-._~%!$&'()+,;:@=]+$/;
const variable = /^\{([A-Za-z][A-Za-z0-9_]{0,15})(?:=(\*|\*\*))?\}$/;

/** The names of a template's variables, in their order. */
export function templateVariables(template: string): readonly string[] {
  return template.split("/").flatMap((segment) => variable.exec(segment)?.[1] ?? []);
}

/** How many of a template's segments are words, and how many there are: the more, the fewer paths match it. */
export function templateWords(template: string): { readonly words: number; readonly segments: number } {
  const segments = template.split("/").slice(1);
  return { words: segments.filter((segment) => literal.test(segment)).length, segments: segments.length };
}

/** What is wrong with a template, and the fix; undefined when nothing is. */
export function templateProblem(template: string): string | undefined {
  if (!template.startsWith("/")) return "begins without /. Write the whole path";
  if (template.length > 256) return "is longer than 256 characters. Make it shorter, or use a regex";
  const segments = template.slice(1).split("/");
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === "" && !last) return "has an empty segment (//). Take it out";
    const open = segment === "**" || variable.exec(segment)?.[2] === "**";
    if (open && !last) return `goes on behind ${segment}. Put ${segment} at its end, or use *`;
    if (!(segment === "" || segment === "*" || segment === "**" || literal.test(segment) || variable.test(segment)))
      return `${JSON.stringify(segment)} is no segment. Use a word, *, {name} or, at the end, ** or {name=**}`;
  }
  const names = templateVariables(template);
  if (names.length > mostVariables) return `has ${names.length} variables, and at most ${mostVariables} are possible. Use * for some`;
  return new Set(names).size < names.length ? "has two variables of one name. Rename one" : undefined;
}

/** The RE2 expression that matches the same paths: for clients that know no templates. */
export function templateExpression(template: string): string {
  return template.split("/").map(segmentExpression).join("/");
}

function segmentExpression(segment: string): string {
  const way = variable.exec(segment)?.[2] ?? (variable.test(segment) ? "*" : segment);
  if (way === "*") return "[^/]+";
  return way === "**" ? ".*" : segment.replaceAll(/[.$()+*]/g, "\\$&");
}
