/** Policies of traffic from the text that an operator would write. */
import { parsePolicyFiles } from "../policy/policy-file.js";
import { policySet } from "../policy/policy-set.js";
import { type TrafficPolicies, trafficPolicies } from "../policy/traffic/traffic-policies.js";

/** Reads YAML documents. Throws with everything that is wrong with them. */
export function writtenPolicies(text: string): TrafficPolicies {
  const { documents, problems } = parsePolicyFiles([{ path: "policies.yaml", text }]);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return trafficPolicies(policySet(documents));
}

/** The policies in which `orders` is called as these fields of its document say; without any, as it is without a word. */
export function ordersPolicy(fields = ""): TrafficPolicies {
  return writtenPolicies(`apiVersion: legation/v1\nkind: Service\nname: orders\n${fields}\n`);
}
