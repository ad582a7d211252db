/** What is done to the headers of a rule's requests and responses. */
import { z } from "zod";
import { headerName } from "./value-match.js";

/** What is done to the headers of one message: first removed, then set and added. Names in lower case; values as they are sent. */
export interface HeaderEdits {
  /** In place of what is there. */
  readonly set: readonly (readonly [name: string, value: string])[];
  /** Beside what is there. */
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** The edits of both ways. */
export interface RuleHeaders {
  readonly request: HeaderEdits;
  readonly response: HeaderEdits;
}

/** What says where a message ends and what becomes of its connection: with other values, one side takes a part of a message for the next. */
const framing = ["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

const name = headerName
  .refine((text) => text.toLowerCase() !== "host", { error: "the host is written anew by rewrite.host" })
  .refine((text) => !framing.includes(text.toLowerCase()), { error: "the proxies write it themselves, for each connection. Take it out" })
  .refine((text) => !text.toLowerCase().startsWith("x-legation-"), {
    error: "the proxies tell each other something by it. Use another name",
  });
const value = z
  .string()
  .max(4_096)
  .regex(/^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/, { error: "use printable ASCII characters, without blanks at the ends" });

const edits = z
  .strictObject({
    set: z.record(name, value).optional().describe("In place of what is there, by name."),
    add: z.record(name, value).optional().describe("Beside what is there, by name."),
    remove: z.array(name).max(100).optional().describe("Names of headers that are taken out."),
  })
  .superRefine(({ set = {}, add = {}, remove = [] }, { addIssue }) => {
    const seen = new Map<string, string>();
    const all = [...Object.keys(set).map((key) => ["set", key]), ...Object.keys(add).map((key) => ["add", key])] as [string, string][];
    const places: [PropertyKey[], string, string][] = [
      ...all.map(([field, key]): [PropertyKey[], string, string] => [[field, key], key, field]),
      ...remove.map((key, i): [PropertyKey[], string, string] => [["remove", i], key, "remove"]),
    ];
    for (const [path, key, field] of places) {
      const other = seen.get(key.toLowerCase());
      if (other !== undefined)
        addIssue({ code: "custom", path, message: `${other} says something of ${key.toLowerCase()} already. Keep one` });
      else seen.set(key.toLowerCase(), field);
    }
  });

/** The field `headers` of a rule. */
export const headersEditField = z
  .strictObject({
    request: edits.optional().describe("Of the request, before it is sent."),
    response: edits.optional().describe("Of the response, before the caller gets it."),
  })
  .describe("What is done to headers. Values are sent as they stand here.");

/** The edits that were written. */
export function ruleHeaders({ request, response }: z.output<typeof headersEditField>): RuleHeaders {
  return { request: headerEdits(request), response: headerEdits(response) };
}

function headerEdits({ set = {}, add = {}, remove = [] }: z.output<typeof edits> = {}): HeaderEdits {
  return { set: sorted(set), add: sorted(add), remove: remove.map((one) => one.toLowerCase()).sort() };
}

function sorted(values: Readonly<Record<string, string>>): HeaderEdits["set"] {
  return Object.entries(values)
    .map(([key, text]) => [key.toLowerCase(), text] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
