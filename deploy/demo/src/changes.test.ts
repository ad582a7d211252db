import { describe, expect, it } from "vitest";
import { changes } from "./changes.js";
import type { InstanceView, Overview } from "./overview.js";

const orders = (part: Partial<InstanceView> = {}): InstanceView => ({
  id: "orders-1",
  service: "orders",
  standing: "passing",
  usableBy: 1,
  callers: 1,
  ...part,
});
const look = (part: Partial<Overview> = {}): Overview => ({
  consul: "up",
  controlPlane: "up",
  connected: 6,
  envoys: 6,
  instances: [orders()],
  ...part,
});

describe("changes", () => {
  it("are none when nothing changed", () => {
    expect(changes(look(), look())).toEqual([]);
  });

  it("tell an instance's standing, and whether it gets requests", () => {
    expect(changes(look(), look({ instances: [orders({ standing: "critical", usableBy: 0 })] }))).toEqual([
      "orders-1: passing → critical in Consul",
      "orders-1 gets no requests any more",
    ]);
    expect(changes(look({ instances: [] }), look())).toEqual([
      "orders-1 was started: passing in Consul",
      "orders-1 gets requests from one Envoy",
    ]);
  });

  it("tell that Consul and the control plane went and came, and do not take an unknown standing for a change", () => {
    const away = look({ consul: "down", controlPlane: "down", connected: 0, instances: [orders({ standing: "unknown" })] });
    expect(changes(look(), away)).toEqual([
      "Consul does not answer",
      "the control plane does not answer",
      "0 of 6 Envoys hold a stream to the control plane",
    ]);
    expect(changes(away, look())).toEqual([
      "Consul answers again",
      "the control plane answers again",
      "6 of 6 Envoys hold a stream to the control plane",
    ]);
  });
});
