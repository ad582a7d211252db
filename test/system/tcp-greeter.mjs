/** An application that speaks first, as databases do: it says which instance it is, and then repeats what it hears. */
import { createServer } from "node:net";

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.write(`${process.env["INSTANCE"]}\n`);
  socket.pipe(socket);
});
server.listen(Number(process.env["PORT"]), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
