/** The events of a control plane without others, for tests. */
import type { Clock } from "@legation/runtime";
import { createEvents, type Events } from "../events/events.js";

/** Makes them, empty. */
export function createTestEvents(clock: Clock): Events {
  return createEvents({ clock, run: "00000000", address: () => "127.0.0.1:8080" });
}
