/** The service of the proof that speaks HTTP/2. Answers any request, after `?ms=…` if asked to. */
import { createServer, type ServerHttp2Session } from "node:http2";
import { answeredBy } from "@legation/local/answered-by";
import { endOnTerm, readPlace, slowness } from "./life.js";

const { port, instance } = readPlace();
const sessions = new Set<ServerHttp2Session>();
const server = createServer((request, response) => {
  request.resume();
  setTimeout(() => {
    // A caller that went away has taken its stream along.
    if (response.stream.destroyed) return;
    response.writeHead(200, { "content-type": "text/plain", [answeredBy.header]: instance });
    response.end(instance);
  }, slowness(request.url));
});
server.on("session", (session) => {
  sessions.add(session);
  session.once("close", () => sessions.delete(session));
});
server.listen(port, "127.0.0.1");
endOnTerm((ended) => {
  server.close(ended);
  // GOAWAY: what is under way ends, nothing new is taken.
  for (const session of sessions) session.close();
});
