/** Two small services to try `legation dev` with: `web` calls `orders` through its Envoy. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { LegationError, messageOf } from "@legation/runtime/command-line";

const program = `// Answers with its name; /call asks the service in CALLS through the mesh, as a plain HTTP request to the Envoy beside this process.
import { createServer, get } from "node:http";

const { SERVICE_NAME, PORT, LEGATION_OUTBOUND, CALLS } = process.env;

const server = createServer((request, response) => {
  if (request.url !== "/call" || !CALLS || !LEGATION_OUTBOUND) return response.end(\`hello from \${SERVICE_NAME}\\n\`);
  get(LEGATION_OUTBOUND, { headers: { host: CALLS } }, (answer) => {
    response.write(\`\${SERVICE_NAME} asked \${CALLS}: \${answer.statusCode} \`);
    answer.pipe(response);
  }).on("error", (error) => response.end(\`\${SERVICE_NAME} cannot ask \${CALLS}: \${error.message}\\n\`));
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(\`\${SERVICE_NAME} listens on \${PORT}\`));
process.once("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
`;

const service = (
  name: string,
  port: number,
  more: string,
) => `# legation agent --config ${name}.yaml runs this; legation dev runs all of them.
name: ${name}
port: ${port}
version: 1.0.0
command: [node, service.mjs]
${more}health:
  http: { path: / }
  interval: 1s
heartbeat: 1s
`;

/**
 * Writes the files into a directory, which is made where it is not there; `ports` are those of web and orders. Returns the service files. Throws a
 * LegationError with code `dev.sample` when a file is there already or cannot be written.
 */
export function writeSample(directory: string, ports: readonly [web: number, orders: number]): readonly string[] {
  const dir = resolve(directory);
  const files: Readonly<Record<string, string>> = {
    "service.mjs": program,
    "orders.yaml": service("orders", ports[1], `cwd: ${JSON.stringify(dir)}\n`),
    "web.yaml": service("web", ports[0], `cwd: ${JSON.stringify(dir)}\ndependencies: [orders]\nenv: { CALLS: orders }\n`),
  };
  try {
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { flag: "wx" });
  } catch (cause) {
    throw new LegationError("dev.sample", `the sample cannot be written: ${messageOf(cause)}. Name a directory without these files`, {
      cause,
    });
  }
  return ["orders.yaml", "web.yaml"].map((name) => join(directory, name));
}
