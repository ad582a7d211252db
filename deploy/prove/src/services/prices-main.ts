/** The service of the proof that speaks gRPC: answers each message of a stream with its number, and ends the stream when its caller does. */
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { type Ask, type Price, pricesService } from "../prices.js";
import { endOnTerm, readPlace } from "./life.js";

const { port, instance } = readPlace();
const server = new Server();
server.addService(pricesService, {
  watch(call: ServerDuplexStream<Ask, Price>) {
    call.on("data", ({ n }: Ask) => call.write({ n, by: instance }));
    call.on("end", () => call.end());
    call.on("error", () => undefined);
  },
});
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
endOnTerm((ended) => server.tryShutdown(() => ended()));
