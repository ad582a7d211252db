/** What proxies refuse at any control plane: each holds back from its own proxies what these refused. */
import { type QuarantineView, quarantineView } from "@legation/contract/api";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Gather } from "../replicas/gather.js";
import { addReplicaRoute } from "../replicas/route.js";

/** See the file's sentence. */
export interface MeshQuarantine {
  /** Each refused resource once, and the control planes that did not answer, with the reasons. */
  list(): Promise<{ readonly quarantined: readonly QuarantineView[]; readonly silent: readonly string[] }>;
  /** Adds the path on which the others are answered. Belongs below the hook of `createBorneOut`. */
  addRoute(app: FastifyInstance): void;
}

const path = "/v1/agents/quarantined";
const answers = z.object({ quarantined: z.array(quarantineView) });

/** Makes it; `own` is what proxies of this control plane refused. */
export function createMeshQuarantine(o: { readonly gather: Gather; readonly own: () => readonly QuarantineView[] }): MeshQuarantine {
  return {
    async list() {
      const asked = await o.gather({ path, body: () => ({ relayed: true }), read: (answer) => answers.parse(answer).quarantined });
      return { quarantined: distinct([...o.own(), ...asked.answers.flatMap(({ value }) => value)]), silent: asked.silent };
    },
    addRoute(app) {
      const summary = "What proxies of one control plane refused";
      addReplicaRoute(app, { path, summary, properties: {}, answers, answer: () => ({ quarantined: o.own() }) });
    },
  };
}

/** Of what proxies of several control planes refused, each content once. */
export function distinct(views: readonly QuarantineView[]): readonly QuarantineView[] {
  return [...new Map(views.map((view) => [`${view.type} ${view.name} ${view.version}`, view])).values()];
}
