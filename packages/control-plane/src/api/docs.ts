/** `/docs`: the OpenAPI document to browse, by Swagger UI. Its files come from its npm package; a browser fetches nothing from elsewhere. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Marked } from "marked";
import { z } from "zod";
import { open } from "../security/right.js";
import { errorsPath, openApiPath } from "./paths.js";
import { addRoute } from "./route.js";

/** What the page may load: its own files. Swagger UI writes style attributes and draws pictures from `data:`. */
const contentSecurity =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// Paths are relative, so that the page also works behind a proxy that serves it below another path.
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Legation: API</title>
<link rel="icon" href="docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({ url: "${openApiPath.slice(1)}", dom_id: "#api", deepLinking: true, validatorUrl: null });\n`;

const mediaTypes = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "start.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;
type Asset = keyof typeof mediaTypes;
const assets = Object.keys(mediaTypes) as [Asset, ...Asset[]];

/** The reference of all errors: a heading of the third level for each code. */
const errorsFile = new URL("../../ERRORS.md", import.meta.url);

/** Adds the pages and their files. */
export function addDocs(app: FastifyInstance): void {
  const packageDir = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  const secure = (reply: FastifyReply) =>
    reply.headers({ "content-security-policy": contentSecurity, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });

  addRoute(
    app,
    {
      method: "GET",
      path: "/docs",
      tag: "server",
      summary: "This API, to browse",
      right: open,
      answers: { 200: { mediaType: "text/html", description: "A page for browsers." } },
    },
    (_request, reply) => secure(reply).type("text/html; charset=utf-8").send(page),
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/docs/assets/:file",
      tag: "server",
      summary: "A file of that page",
      right: open,
      params: z.strictObject({ file: z.enum(assets).describe("The file's name.") }),
      answers: { 200: { mediaType: "*/*", description: "The file." } },
    },
    async ({ params: { file } }, reply) => {
      const content = file === "start.js" ? start : await readFile(join(packageDir, file));
      return secure(reply).type(mediaTypes[file]).header("cache-control", "public, max-age=3600").send(content);
    },
  );

  let errors: Promise<string> | undefined;
  addRoute(
    app,
    {
      method: "GET",
      path: errorsPath,
      tag: "server",
      summary: "The reference of all errors",
      description: "The `type` of every problem leads here, to its code: `/docs/errors#service.unknown`.",
      right: open,
      answers: { 200: { mediaType: "text/html", description: "A page for browsers." } },
    },
    async (_request, reply) => {
      errors ??= readFile(errorsFile, "utf8").then(errorsPage, () => errorsPage("# Errors\n\nThe reference is not installed here."));
      return secure(reply)
        .type("text/html; charset=utf-8")
        .send(await errors);
    },
  );
}

/** The page: the markdown as HTML, with each heading's words as its anchor. */
function errorsPage(markdown: string): string {
  const anchored = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        return `<h${depth} id="${text.replace(/[^\w.-]+/g, "-")}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
    },
  });
  const body = anchored.parse(markdown, { async: false });
  return `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Legation: errors</title>\n<style>${style}</style>\n</head>\n<body>\n${body}</body>\n</html>\n`;
}

const style =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em}code,pre{background:#f3f3f3}:target{background:#ffc}";
