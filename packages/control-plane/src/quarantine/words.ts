/** What is held back, in words for people. */
import type { QuarantineView } from "@legation/contract/api";
import { typeWord } from "../telemetry/metrics.js";
import { blameText } from "./blame.js";
import type { RefusedContent } from "./refused-content.js";

/** Shows one. */
export function quarantineView(content: RefusedContent): QuarantineView {
  const { typeUrl, name, service, blame, instead, version, node, message, at } = content;
  return {
    type: typeWord(typeUrl),
    name,
    service,
    policies: blame.map(blameText),
    documents: blame.map(({ document }) => document),
    instead: instead ? "last-good" : "left-out",
    version,
    node,
    message,
    since: new Date(at).toISOString(),
    text: quarantineText(content),
  };
}

/**
 * What of a proxy's words is about one of the resources that it refused: Envoy names each in a line of its own, behind a first one for all. The whole
 * where no line names it.
 */
export function wordsAbout(name: string, message: string): string {
  const lines = message.split("\n").map((line) => line.replace(/^Error adding\/updating \w+\(s\) /, "").trim());
  const own = lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  return own.length > 0 ? own.join("; ") : message.trim();
}

/** `cluster orders`, `the routes to orders`, `listener inbound of web`. */
export function nameOf({ typeUrl, name, part, service }: RefusedContent): string {
  if (part) return `the routes to ${name}`;
  const word = typeWord(typeUrl);
  return `${word} ${name}${service === name ? "" : ` of ${service}`}`;
}

/** `cluster orders 5f3a…`: this content and no other. */
export function versionText(content: RefusedContent): string {
  return `${nameOf(content)} ${content.version}`;
}

/** `Service/orders: balancing.slowStart: n1/web-1 refused cluster orders: …. The last good version stays in force`. */
export function quarantineText(content: RefusedContent): string {
  const { blame, node, message, instead } = content;
  const cause = blame.length > 0 ? `${blame.map(blameText).join("; ")}: ` : "";
  const outcome = instead ? "Its last good version stays in force" : "It never had a good version, and is left out";
  return `${cause}${node} refused ${nameOf(content)}: ${message.replace(/\.$/, "")}. ${outcome}`;
}
