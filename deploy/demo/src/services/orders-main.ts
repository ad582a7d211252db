/** `orders`: knows what was ordered; asks `payments` whether it is paid. */
import { readEnvironment, serve } from "./shop-service.js";

const goods = ["lantern", "teapot", "atlas", "violin", "compass"];

serve(readEnvironment(), async (path, call) => {
  const number = /^\/orders\/(\d+)$/.exec(path)?.[1];
  if (number === undefined) return { status: 404, by: [], body: { error: "ask for /orders/NUMBER" } };
  const payment = await call(`http://payments/payments/${number}`);
  const { paid, cents, error } = payment.body;
  const order = { number: Number(number), goods: goods[Number(number) % goods.length], paid, cents, ...(error ? { error } : {}) };
  return { status: payment.status, by: payment.by, body: order };
});
