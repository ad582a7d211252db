/** `legation policy plan`: what applying files would change at the proxies. */
import type { Plan } from "@legation/contract/api";
import { option } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import { createCommand } from "../create-command.js";
import type { DocumentChange } from "./changes-text.js";
import { filesOption, readPolicies } from "./files.js";
import { planText } from "./plan-text.js";
import { readSample, sampleOptions } from "./sample.js";

/** How long all control planes together may take; milliseconds. */
export const planLimit = 120_000;

/** Plans. */
export const { run, page } = createCommand({
  description:
    "Shows what applying files would change, and changes nothing: which proxies of all control planes get which other resources, each difference once, " +
    "and which requests of a sample would go elsewhere.",
  examples: [
    "legation policy plan -f orders.yaml",
    "legation policy plan -f canary.yaml --from web -H 'x-beta: 1' --request 'GET http://orders/x'",
    "legation policy plan -f canary.yaml --requests /var/log/envoy/access.log --json",
  ],
  options: {
    files: filesOption,
    replace: option.boolean({
      description: "As if every document that the files do not hold were removed",
      default: false,
      flag: "--replace",
    }),
    ...sampleOptions,
    ...apiOptions,
  },
  async answer(values, _words, { screen }) {
    const { files = [], replace } = values;
    const requests = readSample(values);
    const body = { documents: readPolicies(files), replace, requests };
    const plan = await ask<Plan & { readonly documents: readonly DocumentChange[] }>(values, {
      method: "POST",
      path: "/api/policies/plan",
      body,
      limitMs: planLimit,
      repeatable: true,
    });
    return { json: { ...plan, sampled: requests.length }, text: planText(plan, requests.length, screen) };
  },
});
