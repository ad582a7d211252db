import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { parseApprovalKeys, readApprovalKeys } from "./approval-keys.js";
import { createOperatorKey } from "./signing-key.js";

const [ann, bob] = [createOperatorKey().publicKey, createOperatorKey().publicKey];
const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey.export({ format: "der", type: "spki" }).toString("base64");

test("the file names keys, the mesh, and what is never taken without signatures", () => {
  const text = `# operators\nmesh production\nkey ann ${ann}\nkey bob ${bob} # on leave\n\nrequire 2 of ann bob for kinds Identity Access\nrequire 1 of bob for all\n`;
  expect(parseApprovalKeys("keys", text)).toMatchObject({
    mesh: "production",
    keys: ["ann", "bob"],
    floor: [
      { source: "keys:6", keys: ["ann", "bob"], required: 2, kinds: ["Identity", "Access"] },
      { source: "keys:7", keys: ["bob"], required: 1 },
    ],
  });
});

test.each([
  ["key ann zzz", 'keys:1: that is no Ed25519 key. Write the line that "legation policy keygen" prints'],
  [`key ann ${rsa}`, "keys:1: that is no Ed25519 key"],
  [`key ann ${ann}\nkey ann ${bob}`, "keys:2: ann has a key already"],
  [`key ann ${ann}\nkey bob ${ann}`, "keys:2: this is the key of ann too. Give each operator a key of their own"],
  [`key ann ${ann}\nkey bob ${ann.replace(/=+$/, "")}`, "keys:2: this is the key of ann too"],
  ["ann", "keys:1: cannot be read"],
  [`key ann ${ann}\nrequire 2 of ann ann for all`, "keys:2: 2 of 2 keys cannot be. Use 1 to 1"],
  [`key ann ${ann}\nrequire 1 of eve for all`, "keys:2: there is no key eve in this file"],
  [`key ann ${ann}\nrequire 1 of ann for kinds`, "keys:2: cannot be read"],
])("%j is refused with the line and the fix", (text, problem) => {
  expect(() => parseApprovalKeys("keys", text)).toThrow(problem);
});

test("a file that is not there stops the start", () => {
  expect(() => readApprovalKeys("/does/not/exist")).toThrow("--approval-keys /does/not/exist: ENOENT");
});
