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

/** Changes among which one is looked for with those that another control plane may have seen in its place. */
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
      const answer = await ask({ service, kind, since: since === undefined ? 0 : Date.parse(since), limit });
      return { ...answer, changes: await readable(request, answer.changes) };
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
      const [change] = await readable(
        request,
        changes.filter((one) => one.id === id),
      );
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
  const kind = changeKinds.find((one) => id.startsWith(`${one}:`));
  const end = id.lastIndexOf(":");
  if (!kind || end <= kind.length) return undefined;
  return { kind, service: id.slice(kind.length + 1, end), since: 0, limit: searched };
}

async function readable(request: FastifyRequest, changes: readonly LedgerEntry[]): Promise<LedgerEntry[]> {
  const may = await request.access.readable(changes.flatMap(({ service }) => service ?? []));
  const wide = await request.access.mayRead(meshRead);
  return changes.filter(({ service }) => (service === undefined ? wide : may.has(service)));
}
