/** What the callers' side lets through: intentions, what their proxies hold and refused, and who has ejected the instance. Pure. */
import type { BreakerView, GateView } from "@legation/contract/api";
import type { InstanceStatus } from "../status/instance-status.js";
import { open, partly, shut } from "./gates.js";

/** What is known of the callers. */
export interface CallerFacts {
  /** The services that declare the instance's one. */
  readonly callers: readonly string[];
  /** Those of them whose calls intentions deny, each with the rule; empty where they are not enforced. */
  readonly denied: readonly { readonly caller: string; readonly reason: string }[];
  /** Proxies of all control planes that take the endpoints of its service. */
  readonly subscribers: number;
  /** Those of them that have not acknowledged what they were sent, each with why. */
  readonly behind: readonly string[];
  /** What proxies refused of its service and is held back, in words. */
  readonly held: readonly string[];
  /** As its callers see it. */
  readonly breaker: BreakerView;
}

/** Names that a gate tells at most. */
const named = 5;

/** Looks at them. */
export function callerGates({ service }: InstanceStatus, facts: CallerFacts): readonly GateView[] {
  const { callers, denied, subscribers, behind, held, breaker } = facts;
  return [
    {
      gate: "intentions",
      ...(denied.length === 0
        ? open("no intention keeps its callers away")
        : (denied.length === callers.length ? shut : partly)(
            `denied: ${some(denied.map(({ caller, reason }) => `${caller} (${reason})`))}`,
            `Allow them in Consul: consul intention create -allow CALLER ${service}`,
          )),
    },
    {
      gate: "callers",
      ...(subscribers > 0
        ? open(`${subscribers} callers' proxies take its service`)
        : partly(
            `no proxy of a caller takes ${service}${callers.length > 0 ? ` now; ${some(callers)} declare it` : ", and no service declares it"}`,
            callers.length > 0 ? "Start the callers' agents" : `Declare ${service} among the dependencies of whoever calls it`,
          )),
    },
    {
      gate: "quarantine",
      ...(held.length === 0
        ? open("nothing of its service is held back")
        : partly(some(held), "Correct the policy that is named; legation policy list shows those in force")),
    },
    {
      gate: "acknowledged",
      ...(behind.length === 0
        ? open("all of them have acknowledged what they were sent")
        : (behind.length === subscribers ? shut : partly)(
            `not acknowledged by ${some(behind)}`,
            "Look at these proxies: legation proxies; one that does not answer may be frozen",
          )),
    },
    {
      gate: "breaker",
      ...(breaker.state === "closed"
        ? open("no caller has it ejected")
        : partly(
            `${breaker.state} for ${breaker.callers} callers: ${some(breaker.by.map(({ caller, cause, since }) => `${caller} (${cause}, since ${since})`))}`,
            "Mend what makes its answers fail; it is tried again after recoveryTimeout",
          )),
    },
  ];
}

function some(words: readonly string[]): string {
  return words.length > named ? `${words.slice(0, named).join(", ")} and ${words.length - named} more` : words.join(", ");
}
