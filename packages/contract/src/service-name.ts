/** The names that a service may bear: DNS labels, because callers write them as host names. */

/** Says what is wrong with a service's name and how to mend it, or nothing when it is a DNS label (RFC 1123, at most 63 characters). */
export function serviceNameProblem(name: string): string | undefined {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(name)) return undefined;
  return `"${name}" is not a DNS label: use 1 to 63 letters, digits and hyphens, with a letter or digit at both ends`;
}
