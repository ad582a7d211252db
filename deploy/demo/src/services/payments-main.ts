/** `payments`: knows what was paid; calls nobody. */
import { readEnvironment, serve } from "./shop-service.js";

serve(readEnvironment(), (path) => {
  const number = Number(/^\/payments\/(\d+)$/.exec(path)?.[1]);
  if (Number.isNaN(number)) return { status: 404, by: [], body: { error: "ask for /payments/NUMBER" } };
  return { status: 200, by: [], body: { number, paid: number % 7 !== 0, cents: 100 + ((number * 37) % 9_900) } };
});
