/** The header in which an answer names the instances that took part in it, the one nearest to the client first. */

/** Reads the header's value: `web-1, orders-2` → `["web-1", "orders-2"]`. */
export function answeredBy(value: string | readonly string[] | undefined): string[] {
  const text = typeof value === "string" ? value : (value ?? []).join(",");
  return text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
}

/** The header's name. */
answeredBy.header = "x-answered-by" as const;
