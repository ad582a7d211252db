/** The service of the proof that speaks HTTP/1.1 with kept connections. Answers any request, after `?ms=…` if asked to. */
import { createServer } from "node:http";
import { answeredBy } from "@legation/local/answered-by";
import { endOnTerm, readPlace, slowness } from "./life.js";

const { port, instance } = readPlace();
const server = createServer((request, response) => {
  request.resume();
  setTimeout(
    () => {
      response.writeHead(200, { "content-type": "text/plain", [answeredBy.header]: instance });
      response.end(instance);
    },
    slowness(request.url ?? "/"),
  );
});
server.keepAliveTimeout = 300_000;
server.listen(port, "127.0.0.1");
endOnTerm((ended) => {
  server.close(ended);
  server.closeIdleConnections();
});
