/** What a command on this machine needs to speak to an agent; loads nothing of the agent itself. */
export { socketPath } from "./admin/address.js";
export { type Contact, contactFile, readContact } from "./admin/contact.js";
