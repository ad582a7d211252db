import { createServer } from "node:net";
import { expect, it } from "vitest";
import { formatAddress, listenError, parseAddress } from "./address.js";
import { LegationError } from "./errors.js";

it.each([
  ["127.0.0.1:8080", { host: "127.0.0.1", port: 8080 }],
  ["localhost:0", { host: "localhost", port: 0 }],
  ["[::1]:65535", { host: "::1", port: 65_535 }],
])("splits %s and writes it again", (address, parts) => {
  expect(parseAddress(address)).toEqual(parts);
  expect(formatAddress(parts.host, parts.port)).toBe(address);
});

it.each(["", "8080", ":8080", "host", "host:", "host:65536", "::1:80", "a b:80", "http://host:80", "host:80/path", "[host:80"])(
  "refuses %j",
  (address) => {
    expect(parseAddress(address)).toBeUndefined();
  },
);

it("says which port is in use, for what it was wanted, and which flag changes it", async () => {
  const first = createServer();
  await new Promise<void>((resolve) => first.listen(0, "127.0.0.1", resolve));
  const bound = first.address();
  const port = typeof bound === "object" && bound ? bound.port : 0;
  const second = createServer();
  const error = await new Promise((resolve) => {
    second.once("error", resolve);
    second.listen(port, "127.0.0.1");
  });
  first.close();
  const told = listenError(error, { address: `127.0.0.1:${port}`, what: "xDS", flag: "--xds-addr" });
  expect(told).toBeInstanceOf(LegationError);
  expect(told.code).toBe("listen.in-use");
  expect(told.cause).toBe(error);
  expect(told.message).toBe(
    `port ${port} is in use by another process: xDS cannot listen on 127.0.0.1:${port}. ` +
      "Stop that process, or choose another address with --xds-addr",
  );
});

it.each([
  ["EACCES", "listen.forbidden", /this user may not open port 80: .* with --http-addr/],
  ["EADDRNOTAVAIL", "listen.no-address", /^192\.0\.2\.1 is no address of this machine: .* with --http-addr$/],
  ["EMFILE", "listen", /^the API cannot listen on 192\.0\.2\.1:80: too many open files\. /],
])("explains %s", (code, expected, message) => {
  const cause = Object.assign(new Error("too many open files"), { code });
  const told = listenError(cause, { address: "192.0.2.1:80", what: "the API", flag: "--http-addr" });
  expect(told.code).toBe(expected);
  expect(told.message).toMatch(message);
});
