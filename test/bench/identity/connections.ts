/** The kinds of connections that are measured, each between a caller's Envoy and a callee's. */
import { httpSender, type Sender, type ServiceProcess } from "@legation/local";
import { http2Sender } from "@legation/prove/load";

/** One kind. */
export interface ConnectionKind {
  readonly title: string;
  /** The service whose protocol it is, end to end. */
  readonly service: "orders" | "stock";
  /** Each request gets a connection of its own between the Envoys. */
  readonly anew: boolean;
  /** Requests to the service through the Envoy at `url`, on connections that are kept. */
  readonly sender: (url: string) => Sender;
}

const toOrders = (url: string): Sender => httpSender({ url, headers: { host: "orders" } });

/** All of them. */
export const connectionKinds: readonly ConnectionKind[] = [
  { title: "HTTP/1.1, kept", service: "orders", anew: false, sender: toOrders },
  { title: "HTTP/2, kept", service: "stock", anew: false, sender: (url) => http2Sender({ url, authority: "stock" }) },
  { title: "HTTP/1.1, one each", service: "orders", anew: true, sender: toOrders },
];

/**
 * While `during` runs, the callee's Envoy closes each HTTP/1.1 connection behind its answer, as it does when it drains: a health check that fails
 * says so to it, and nothing of its configuration changes.
 */
export async function closingBehindAnswers<T>(callee: ServiceProcess, during: () => Promise<T>): Promise<T> {
  await say(callee, "fail");
  try {
    return await during();
  } finally {
    await say(callee, "ok");
  }
}

async function say({ id, envoy }: ServiceProcess, health: "fail" | "ok"): Promise<void> {
  const answer = await fetch(`${envoy.url}/healthcheck/${health}`, { method: "POST", signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`${id}'s Envoy did not take healthcheck/${health}: ${answer.status}`);
}
