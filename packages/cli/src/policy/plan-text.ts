/** A plan for people: what each proxy gets in place of what it has, each difference once, and the requests that go elsewhere. */
import type { Plan, ResourceChange, RouteChange } from "@legation/contract/api";
import { structuredPatch } from "diff";
import { stringify } from "yaml";
import { sentence } from "../layout.js";
import type { Screen } from "../screen.js";
import { cutMiddle } from "../text-width.js";
import { changesText, type DocumentChange } from "./changes-text.js";

/** Lines that are equal around each difference. */
const context = 3;
/** Proxies named at most. */
const named = 3;

/** The text. `sampled` is how many requests were tried. Ends with a newline. */
export function planText(plan: Plan & { readonly documents: readonly DocumentChange[] }, sampled: number, screen: Screen): string {
  const { documents, proxies, changed, resources, requests, silent } = plan;
  const head = `${changed} of ${proxies} ${proxies === 1 ? "proxy gets" : "proxies get"} other resources.`;
  return [
    changesText(documents),
    documents.length > 0 ? `\n${sentence(head, screen)}` : "",
    ...resources.map((change) => `\n${resourceText(change, screen)}`),
    sampled > 0
      ? `\n${sentence(`${elsewhere(requests)} of ${sampled} requests ${requests.length === 1 ? "goes" : "go"} elsewhere.`, screen)}`
      : "",
    ...requests.map((change) => requestText(change, screen)),
    ...silent.map((one) => `\n${sentence(`Not asked, its proxies are missing here: ${one}`, screen)}`),
  ].join("");
}

function elsewhere(requests: readonly RouteChange[]): number {
  return new Set(requests.map(({ request }) => JSON.stringify(request))).size;
}

function resourceText({ type, name, from, to, before, after, proxies }: ResourceChange, screen: Screen): string {
  const what = from === null ? "new" : to === null ? "removed" : "changed";
  const head = sentence(`${type} ${name} ${what}, for ${proxiesText(proxies)}`, screen);
  if (before === null || after === null) return head;
  const [old, now] = [before, after].map((value) => stringify(value, { lineWidth: screen.width - 1, aliasDuplicateObjects: false }));
  const { hunks } = structuredPatch("", "", old ?? "", now ?? "", "", "", { context });
  const lines = hunks.flatMap(({ oldStart, newStart, lines: changed }) => [`@@ line ${oldStart}, then ${newStart} @@`, ...changed]);
  return `${head}${lines.map((line) => `${cutMiddle(line.trimEnd(), screen.width)}\n`).join("")}`;
}

function requestText({ request, from, now, next, proxies }: RouteChange, screen: Screen): string {
  const { method, host, path, count = 1 } = request;
  const often = count > 1 ? `, ${count} times in the sample` : "";
  return `\n${[`${method} http://${host}${path} from ${from} (${proxiesText(proxies)})${often}`, `  now: ${now}`, `  then: ${next}`].map((line) => sentence(line, screen).replace(/^(now|then):/, "  $1:")).join("")}`;
}

/** `2 proxies: n1/web-1, n1/web-2`. */
function proxiesText(proxies: readonly string[]): string {
  const more = proxies.length > named ? `, and ${proxies.length - named} more` : "";
  return `${proxies.length} ${proxies.length === 1 ? "proxy" : "proxies"}: ${proxies.slice(0, named).join(", ")}${more}`;
}
