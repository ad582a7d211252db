/** The file of `--approval-keys`: the operators' keys that this replica trusts, and what it never takes without their signatures. */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ApprovalRule } from "@legation/mesh/policy";
import { ConfigError, messageOf } from "@legation/runtime";

/** What a replica trusts, by its own file and not by the store. */
export interface ApprovalTrust {
  /** Approvals of another mesh do not count. Empty unless the file names one. */
  readonly mesh: string;
  /** The names of the keys. */
  readonly keys: readonly string[];
  /** Rules that hold whatever the policies say. */
  readonly floor: readonly ApprovalRule[];
  /**
   * True when the signature (Ed25519, in base64 as RFC 4648 section 4 writes it and no other way) under the text is that key's. False for a key
   * that is not known.
   */
  verify(key: string, text: string, signature: string): boolean;
}

/** A replica that was given no keys: no signature counts, so that guarded documents are never taken. */
export const noTrust: ApprovalTrust = { mesh: "", keys: [], floor: [], verify: () => false };

/** Reads the file. Throws a ConfigError with the line and the fix of everything that is wrong. */
export function readApprovalKeys(path: string, read = (file: string) => readFileSync(file, "utf8")): ApprovalTrust {
  let text: string;
  try {
    text = read(path);
  } catch (error) {
    throw new ConfigError([`--approval-keys ${path}: ${messageOf(error)}. Name a file of keys that can be read`]);
  }
  return parseApprovalKeys(path, text);
}

/**
 * Parses the file's lines: `key NAME PUBLIC-KEY`, `mesh NAME`, and `require K of NAMES… for all | kinds NAMES… | services NAMES…`; `#`
 * begins a comment. Throws a ConfigError.
 */
export function parseApprovalKeys(path: string, text: string): ApprovalTrust {
  const problems: string[] = [];
  const keys = new Map<string, KeyObject>();
  const owners = new Map<string, string>();
  const floor: ApprovalRule[] = [];
  let mesh = "";
  for (const [i, line] of text.split("\n").entries()) {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    const place = `${path}:${i + 1}`;
    if (words[0] === "") continue;
    if (words[0] === "mesh" && words[1] && words.length === 2) mesh = words[1];
    else if (words[0] === "key" && words[1] && words[2] && words.length === 3) {
      const [, name, base64] = words;
      const key = publicKey(base64);
      // One key can be written in several ways.
      const same = key ? String(key.export({ format: "pem", type: "spki" })) : "";
      const owner = owners.get(same);
      if (!key) problems.push(`${place}: that is no Ed25519 key. Write the line that "legation policy keygen" prints`);
      else if (keys.has(name)) problems.push(`${place}: ${name} has a key already. Give each key a name of its own`);
      else if (owner) problems.push(`${place}: this is the key of ${owner} too. Give each operator a key of their own`);
      else {
        keys.set(name, key);
        owners.set(same, name);
      }
    } else {
      const rule = words[0] === "require" ? ruleOf(words, place) : undefined;
      if (rule) floor.push(rule);
      else problems.push(`${place}: cannot be read. Write "key NAME KEY", "mesh NAME" or "require 2 of NAME NAME for kinds Identity"`);
    }
  }
  for (const { source, keys: names, required } of floor) {
    const unknown = names.filter((name) => !keys.has(name));
    if (unknown.length > 0)
      problems.push(`${source}: there is no key ${unknown.join(", ")} in this file. Add a line "key ${unknown[0]} KEY"`);
    if (required < 1 || required > new Set(names).size)
      problems.push(`${source}: ${required} of ${names.length} keys cannot be. Use 1 to ${new Set(names).size}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    mesh,
    keys: [...keys.keys()],
    floor,
    verify(name, signed, signature) {
      const key = keys.get(name);
      const bytes = Buffer.from(signature, "base64");
      return key !== undefined && bytes.toString("base64") === signature && verify(null, Buffer.from(signed), key, bytes);
    },
  };
}

function publicKey(base64: string): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
    return key.asymmetricKeyType === "ed25519" ? key : undefined;
  } catch {
    return undefined;
  }
}

function ruleOf(words: readonly string[], source: string): ApprovalRule | undefined {
  const [, count = "", of, ...rest] = words;
  const split = rest.indexOf("for");
  const keys = rest.slice(0, split);
  const [what, ...names] = rest.slice(split + 1);
  if (!/^\d+$/.test(count) || of !== "of" || split < 1) return undefined;
  const rule = { source, keys, required: Number(count) };
  if (what === "all" && names.length === 0) return rule;
  if (names.length === 0) return undefined;
  return what === "kinds" || what === "services" ? { ...rule, [what]: names } : undefined;
}
