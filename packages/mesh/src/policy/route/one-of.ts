/** Fields of which exactly one is to be written. */

/** Says that something is wrong at a path. */
export type AddIssue = (issue: { code: "custom"; path: PropertyKey[]; message: string }) => void;

/** The one field of `fields` that was written; adds an issue when there is none, or more than one. */
export function oneOf<const F extends string>(
  written: { readonly [K in F]?: unknown },
  fields: readonly F[],
  addIssue: AddIssue,
): F | undefined {
  const said = fields.filter((field) => written[field] !== undefined);
  if (said.length === 1) return said[0];
  const words = fields.join(", ");
  const message = said.length === 0 ? `says nothing. Write one of ${words}` : `says ${said.join(" and ")}. Write only one of ${words}`;
  addIssue({ code: "custom", path: [], message });
  return undefined;
}
