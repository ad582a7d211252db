/** Operators' keys: making one, and signing with it. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type ApprovalStatement, signedText } from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";

/** A new key. */
export interface OperatorKey {
  /** PKCS #8 in PEM: keep it secret. */
  readonly privatePem: string;
  /** As it stands in the file of `--approval-keys`: SPKI in base64. */
  readonly publicKey: string;
}

/** Makes an Ed25519 key. */
export function createOperatorKey(): OperatorKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privatePem: String(privateKey.export({ format: "pem", type: "pkcs8" })), publicKey: spki(publicKey) };
}

/** The public part of a private key. Throws LegationError `policy.bad-key`. */
export function publicKeyOf(privatePem: string): string {
  return spki(createPublicKey(privateKeyOf(privatePem)));
}

/** Signs a statement; the signature is base64. Throws LegationError `policy.bad-key`. */
export function signStatement(statement: ApprovalStatement, privatePem: string): string {
  return sign(null, Buffer.from(signedText(statement)), privateKeyOf(privatePem)).toString("base64");
}

function privateKeyOf(pem: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    key = undefined;
  }
  if (key?.asymmetricKeyType !== "ed25519")
    throw new LegationError("policy.bad-key", 'that is no private Ed25519 key in PEM. Make one with "legation policy keygen"');
  return key;
}

function spki(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).toString("base64");
}
