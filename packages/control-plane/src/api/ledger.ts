/** `GET /api/ledger`, `GET /api/ledger/{id}`: what became of each change, over all control planes. */
import { changeKinds } from "@legation/contract";
import { type LedgerEntry, ledgerAnswer, ledgerList, ledgerQuery } from "@legation/contract/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Ledger } from "../ledger/ledger.js";
import { type AskLedgers, type LedgerFilter, ledgerFilter, ledgerPath, tell } from "../ledger/question.js";
import { addReplicaRoute } from "../replicas/route.js";
import { listing, meshRead } from "../security/right.js";
import { sendProblem } from "./problem.js";
import { addRoute } from "./route.js";

const params = z.strictObject({ id: z.string().min(1).max(1_024).describe("The change, as the list names it.") });

/** Changes among which one is looked for with those that another control plane may have seen in its place, or those of somebody who may not read all. */
const searched = 1_000;

/** Adds the routes: changes of services that the caller may read, and with the right to read the mesh all of them. */
export function addLedgerRoutes(app: FastifyInstance, ask: AskLedgers): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/ledger",
      tag: "ledger",
      summary: "What became of each change",
      description:
        "Each change of the registry, of health, of policies, intentions and certificates: when it was seen, compiled, sent, and acknowledged " +
        "by how many of how many proxies at all control planes. A change has the same ID at each.",
      right: listing,
      query: ledgerQuery,
      answers: { 200: ledgerList },
    },
    async (request) => {
      const { service = null, kind = null, since, limit } = request.query;
      const wide = await request.access.mayRead(meshRead);
      // Of what somebody may not read, nothing counts: the newest of the rest are meant.
      const asked = wide ? limit : Math.max(limit, searched);
      const { changes, more, silent } = await ask({ service, kind, since: since === undefined ? 0 : Date.parse(since), limit: asked });
      const shown = await readable(request, changes, wide);
      return { changes: shown.slice(-limit), more: more || shown.length > limit, silent };
    },
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/ledger/:id",
      tag: "ledger",
      summary: "What became of one change",
      right: listing,
      params,
      answers: { 200: ledgerAnswer },
      problems: { 404: "No control plane that answered has kept such a change." },
    },
    async (request, reply) => {
      const { id } = request.params;
      const filter = sameAs(id);
      const { changes, silent } = filter ? await ask(filter) : { changes: [], silent: [] };
      const same = changes.filter((one) => one.id === id);
      const [change] = await readable(request, same, await request.access.mayRead(meshRead));
      if (change) return { change, silent };
      const others = silent.length > 0 ? `, and these did not answer: ${silent.join(", ")}` : "";
      return sendProblem(
        reply,
        404,
        "ledger.unknown",
        `the ledger has no change ${JSON.stringify(id)}${others}. GET /api/ledger lists them`,
      );
    },
  );
}

/** Adds the path on which other control planes are told. Belongs below the hook of `createBorneOut`. */
export function addReplicaLedgerRoute(app: FastifyInstance, ledger: Pick<Ledger, "book" | "begins">): void {
  addReplicaRoute(app, {
    path: ledgerPath,
    summary: "What another control plane has seen of changes, and what became of them",
    properties: { filter: ledgerFilter },
    answer: ({ filter }) => tell(ledger, filter),
  });
}

/** The changes of the same kind and service: among them is what another control plane saw in place of this. Undefined for no name of a change. */
function sameAs(id: string): LedgerFilter | undefined {
  const parts = partsOf(id);
  return parts && { ...parts, since: 0, limit: searched };
}

/** The service in the name of a change; undefined where that is about the whole mesh. */
function serviceIn(id: string): string | undefined {
  const { service = "*" } = partsOf(id) ?? {};
  return service === "*" ? undefined : service;
}

function partsOf(id: string) {
  const kind = changeKinds.find((one) => id.startsWith(`${one}:`));
  if (!kind) return undefined;
  // What stands behind the service may have colons of its own, as IDs of instances do.
  const end = id.indexOf(":", kind.length + 1);
  return end > kind.length ? { kind, service: id.slice(kind.length + 1, end) } : undefined;
}

/** What the caller may read of them; the names of other changes say of which service they are. */
async function readable({ access }: FastifyRequest, changes: readonly LedgerEntry[], wide: boolean): Promise<LedgerEntry[]> {
  const named = changes.flatMap(({ together, overtakenBy = [] }) => together.concat(overtakenBy)).map(serviceIn);
  const may = await access.readable([...changes.map(({ service }) => service), ...named].filter((name) => name !== undefined));
  const shown = (service: string | undefined) => (service === undefined ? wide : may.has(service));
  return changes.flatMap(({ overtakenBy, together, ...change }) => {
    if (!shown(change.service)) return [];
    const later = overtakenBy !== undefined && shown(serviceIn(overtakenBy)) ? { overtakenBy } : {};
    return { ...change, ...later, together: together.filter((id) => shown(serviceIn(id))) };
  });
}
