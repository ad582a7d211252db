/** `legation policy schema`: the JSON Schema of policies, for editors. */
import { policyJsonSchema } from "@legation/mesh/policy";
import { option } from "@legation/runtime/command-line";
import { createCommand } from "../create-command.js";

/** Prints it. */
export const { run, page } = createCommand({
  description: "Prints the JSON Schema of policy documents, by which editors complete and check them.",
  examples: ["legation policy schema > legation-policy.schema.json"],
  options: { json: option.boolean({ description: "As without", default: false, flag: "--json" }) },
  async answer() {
    const json = policyJsonSchema();
    return { json, text: `${JSON.stringify(json, null, 2)}\n` };
  },
});
