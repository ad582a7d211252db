/** The senders of the proof, for other tests of a mesh. */
export { alternating } from "./alternating.js";
export { http2Sender } from "./http2-sender.js";
export { type StreamCounts, type StreamSender, streamSender } from "./stream-sender.js";
