/** `web`: what a visitor sees; asks `orders` for each page. */
import { readEnvironment, serve } from "./shop-service.js";

let visits = 0;

serve(readEnvironment(), async (_path, call) => {
  const visit = ++visits;
  const order = await call(`http://orders/orders/${1 + (visit % 1_000)}`);
  return { status: order.status, by: order.by, body: { shop: "Legation demo", visit, order: withoutNames(order.body) } };
});

function withoutNames({ answeredBy: _, ...body }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return body;
}
