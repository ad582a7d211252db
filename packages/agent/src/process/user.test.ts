import { describe, expect, it } from "vitest";
import { resolveUser } from "./user.js";

const files: Readonly<Record<string, string>> = {
  "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nweb:x:33:34:Web:/var/www:/usr/sbin/nologin\n",
  "/etc/group": "root:x:0:\nadm:x:4:\n",
};
const read = (path: string): string => files[path] ?? "";

describe("the user of a process", () => {
  it("is found by name or number, with its own group and its variables", () => {
    const web = { uid: 33, gid: 34, env: { USER: "web", LOGNAME: "web", HOME: "/var/www" } };
    expect(resolveUser({ user: "web" }, 0, read)).toEqual(web);
    expect(resolveUser({ user: "33" }, 0, read)).toEqual(web);
    expect(resolveUser({ user: "web", group: "adm" }, 0, read)).toMatchObject({ uid: 33, gid: 4 });
    expect(resolveUser({}, 0, read)).toBeUndefined();
  });

  it("may be a number that is in no file, as in a container without one", () => {
    const missing = (path: string): string => {
      throw new Error(`no ${path}`);
    };
    expect(resolveUser({ user: "1000", group: "1000" }, 0, missing)).toEqual({ uid: 1_000, gid: 1_000, env: {} });
  });

  it("is refused when there is none of that name, and when only root could take it", () => {
    expect(() => resolveUser({ user: "nobdy" }, 0, read)).toThrow('user: "nobdy" is not in /etc/passwd. Add it, or write its number');
    expect(() => resolveUser({ group: "nogrp" }, 0, read)).toThrow('group: "nogrp" is not in /etc/group');
    expect(() => resolveUser({ user: "web" }, 1_000, read)).toThrow(/user: only root may start the process as web/);
    expect(resolveUser({ user: "web" }, 33, read)).toMatchObject({ env: { USER: "web" } });
  });
});
