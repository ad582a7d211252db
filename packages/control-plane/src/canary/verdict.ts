/** Whether a canary goes on, is promoted, or goes back: from what its proxies did with it, and how requests fared there and elsewhere. */
import type { CanaryRecord } from "@legation/mesh/policy";

/** What a proxy did with the canary. */
export interface CanaryProxy {
  readonly node: string;
  readonly state: "away" | "pending" | "acknowledged" | "refused";
  /** What it refused, and its words. */
  readonly message?: string;
}

/** Requests that are over, and those of them that failed. */
export interface Answers {
  readonly requests: number;
  readonly failures: number;
}

/** The requests of one service's proxies. */
export interface ServiceAnswers {
  readonly service: string;
  /** Of the canary proxies since the window began, and of all in a window before the canary did. */
  readonly canary: Answers;
  readonly before: Answers;
  /** Of its other proxies since the window began. */
  readonly peers: Answers;
}

/** What is known of a canary. Times in milliseconds. */
export interface Evidence {
  readonly proxies: readonly CanaryProxy[];
  readonly answers: readonly ServiceAnswers[];
  /** Since the record was made. */
  readonly age: number;
  /** Since the window began; undefined until every proxy has acknowledged. */
  readonly watched: number | undefined;
}

/** What follows. `why` is a sentence for people. */
export type Verdict = { readonly decision: "wait" | "promote" | "withdraw"; readonly why: string };

/** So long may a proxy take to acknowledge; milliseconds. */
export const acknowledgeLimit = 30_000;

/** By so much the share of failed requests may be above that before and that of the peers, and so many failures say nothing. */
export const tolerance = { share: 0.01, failures: 3 } as const;

/** The verdict. */
export function judge({ terms }: Pick<CanaryRecord, "terms">, { proxies, answers, age, watched }: Evidence): Verdict {
  const refused = proxies.find(({ state }) => state === "refused");
  if (refused) return { decision: "withdraw", why: `${refused.node} refused ${refused.message ?? "it"}` };
  const late = proxies.filter(({ state }) => state !== "acknowledged").map(({ node }) => node);
  if (late.length > 0) {
    const why = `${late.join(", ")} ${late.length === 1 ? "has" : "have"} not acknowledged it`;
    if (watched === undefined && age < acknowledgeLimit) return { decision: "wait", why };
    return {
      decision: "withdraw",
      why: watched === undefined ? `${why} within ${acknowledgeLimit / 1_000} s` : `${late.join(", ")} is gone`,
    };
  }
  for (const one of answers) {
    const worse = worseThan(one);
    if (worse) return { decision: "withdraw", why: worse };
  }
  const seconds = Math.floor((watched ?? 0) / 1_000);
  const scarce = answers.filter(({ canary }) => canary.requests < terms.requests);
  const counted = answers.map(({ service, canary }) => `${service} ${sharesText(canary)}`).join(", ");
  if ((watched ?? 0) >= terms.window * 1_000 && scarce.length === 0) {
    const figures = counted ? ` (failed: ${counted})` : "";
    return { decision: "promote", why: `its proxies have acknowledged it, and errors held for ${seconds} s${figures}` };
  }
  if (age < terms.limit * 1_000)
    return { decision: "wait", why: `watched for ${seconds} of ${terms.window} s; failed: ${counted || "no figures"}` };
  const names = scarce.map(({ service, canary }) => `${canary.requests} of ${terms.requests} requests at ${service}`).join(", ");
  return { decision: "withdraw", why: `it cannot be judged after ${terms.limit} s: ${names || "it was not watched for long enough"}` };
}

/** In words, where the canary fares worse than both the time before and its peers. */
function worseThan({ service, canary, before, peers }: ServiceAnswers): string | undefined {
  const usual = Math.max(shareOf(before), shareOf(peers));
  // Three standard deviations of so many requests at the usual share.
  const chance = canary.requests > 0 ? 3 * Math.sqrt((usual * (1 - usual)) / canary.requests) : 0;
  if (canary.failures <= tolerance.failures || shareOf(canary) <= usual + tolerance.share + chance) return undefined;
  return `requests fail at the canary of ${service}: ${sharesText(canary)}; before ${sharesText(before)}, elsewhere ${sharesText(peers)}`;
}

function shareOf({ requests, failures }: Answers): number {
  return requests > 0 ? failures / requests : 0;
}

function sharesText(answers: Answers): string {
  return `${answers.failures} of ${answers.requests}`;
}
