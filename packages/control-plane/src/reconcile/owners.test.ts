import { expect, test } from "vitest";
import { instance, serviceOf } from "../testing/catalog.js";
import { createOwners } from "./owners.js";

test("an instance is found at its service, until it goes, and where it moved to, whichever service is heard of first", () => {
  const owners = createOwners();
  const { node } = instance("orders", "o1");
  const orders = serviceOf("orders", "o1", "o2");
  owners.set(undefined, orders);
  expect([owners.of(`${node}/o1`), owners.of(`${node}/o3`)]).toEqual(["orders", undefined]);
  owners.set(undefined, serviceOf("web", "o1"));
  owners.set(orders, serviceOf("orders", "o2"));
  expect([owners.of(`${node}/o1`), owners.of(`${node}/o2`)]).toEqual(["web", "orders"]);
  owners.set(serviceOf("web", "o1"), undefined);
  expect(owners.of(`${node}/o1`)).toBeUndefined();
});
