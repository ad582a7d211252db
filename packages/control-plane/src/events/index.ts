/** The door for who wants the events without a control plane around them. */
export { eventsKept } from "./event-log.js";
export { createEvents } from "./events.js";
