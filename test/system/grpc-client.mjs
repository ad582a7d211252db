/** A gRPC application without an Envoy: calls `xds:///service` through gRPC's own xDS client as it is told, and tells what came of it. */
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";

register();
const clients = new Map();
const same = (bytes) => bytes;

function call({ service, method = "Get", headers = {}, deadlineMs = 20_000 }) {
  const client = clients.get(service) ?? new Client(`xds:///${service}`, credentials.createInsecure());
  clients.set(service, client);
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + deadlineMs };
    client.makeUnaryRequest(`/test.Word/${method}`, same, same, Buffer.alloc(0), metadata, options, (error, answer) =>
      resolve(error ? { code: status[error.code], details: error.details } : { word: answer.toString() }),
    );
  });
}

/** `count` calls, `atOnce` of them at a time. */
async function calls({ count, atOnce = 1, ...one }) {
  const answers = [];
  const next = async () => {
    while (answers.length < count) {
      const place = answers.push(undefined) - 1;
      answers[place] = await call(one);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  return answers;
}

process.on("message", async ({ id, ...wanted }) => process.send({ id, answers: await calls(wanted) }));
process.once("disconnect", () => process.exit(0));
