/** Calls `xds:///orders` over and over with gRPC's own xDS client, and tells its parent what was answered. */
import { Client, credentials } from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";

register();
const client = new Client("xds:///orders", credentials.createInsecure());
const same = (bytes) => bytes;

function call() {
  client.makeUnaryRequest("/test.Word/Get", same, same, Buffer.alloc(0), { deadline: Date.now() + 10_000 }, (error, answer) => {
    process.send(error ? { failure: error.message } : { word: answer.toString() });
    setImmediate(call);
  });
}
call();
process.once("disconnect", () => process.exit(0));
