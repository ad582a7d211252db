/** The parts of the API, as its documentation groups them. */

/** What each part is about. */
export const apiTags = {
  services: "The registry, and what becomes of each instance in the proxies.",
  orchestration: "The status of all services over all replicas, and steering them.",
  proxies: "Every proxy: what it was sent, took and refused.",
  policies: "What operators write: reading, checking, planning, changing, signing, rolling back.",
  intentions: "Who may call whom (Consul's intentions).",
  gateway: "Routes of the gateway.",
  events: "What happened: events, audit, security.",
  ledger: "What became of each change, and why a request goes where it goes.",
  server: "This control plane itself.",
  channel: "Between agents and control planes, and between control planes. Not for people.",
} as const;

/** One of the parts. */
export type ApiTag = keyof typeof apiTags;
