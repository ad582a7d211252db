/** Writing policies: blobs first, and then one check-and-set of the head, so that a bundle is live as a whole or not at all. */
import type { Kv } from "@legation/consul";
import { type BundleManifest, contentHash, type Documents, documentHash, documentText, storedText } from "@legation/mesh/policy";
import { type Clock, LegationError } from "@legation/runtime";
import type { ApprovedState } from "./approval-chain.js";
import type { ApprovalTrust } from "./approval-keys.js";
import { type Blobs, blobPrefix, headKey, largestBlob } from "./blobs.js";
import { type Bundle, readBundle } from "./bundle.js";
import { headOf } from "./kv-source.js";
import { PolicyRefusal } from "./refusal.js";

/** The head with the bundle that it names, for a check-and-set. */
export interface ReadHead {
  /** 0 where there is no head. */
  readonly index: number;
  readonly bundle: Bundle | undefined;
  /** What the head names is not to be taken, and `bundle` is the last good one instead. */
  readonly refused: boolean;
}

/** The store, for those who write. All of it throws ConsulError, and PolicyRefusal for what it holds and should not. */
export interface PolicyStore {
  /** Reads the head as Consul's leader has it, and its bundle; in place of one that is refused `lastGood`, where that is given. */
  head(lastGood?: Bundle): Promise<ReadHead>;
  /** Puts a blob and returns its hash. Throws LegationError `policy.too-large`. */
  put(text: string, what: string): Promise<string>;
  /** Puts those documents that `before` does not hold already. */
  putDocuments(documents: Documents, before: Documents): Promise<void>;
  /** Puts a manifest and makes it live, if the head is still that of `index`. Returns its id; undefined when the head has moved. */
  commit(manifest: BundleManifest, index: number): Promise<string | undefined>;
  /** Makes a bundle live that was put before, in place of `base`. False when that is not live any more. */
  promote(bundle: string, base: string | null): Promise<boolean>;
  /** A bundle of the past, without a look at its approval. */
  past(id: string): Promise<{ readonly manifest: BundleManifest; readonly documents: Documents }>;
  /** Documents by their hashes. */
  documents(hashes: Readonly<Record<string, string>>): Promise<Documents>;
  /** Bundles from `id` back, newest first; ends where one is not in the store any more. */
  history(id: string, limit: number): Promise<readonly { readonly id: string; readonly manifest: BundleManifest }[]>;
}

/** Makes the store. `known` is the last approval that this replica has taken. */
export function createPolicyStore(o: {
  readonly kv: Kv;
  readonly blobs: Blobs;
  readonly trust: ApprovalTrust;
  readonly known: () => ApprovedState;
  readonly clock: Clock;
}): PolicyStore {
  const { kv, blobs, trust, clock } = o;

  async function put(text: string, what: string): Promise<string> {
    const bytes = Buffer.byteLength(text);
    if (bytes > largestBlob)
      throw new LegationError("policy.too-large", `${what} is ${bytes} bytes, and the store takes ${largestBlob}. Split it into several`);
    const hash = contentHash(text);
    // The time makes each write a change, by which a clean-up under way sees that the blob is wanted again.
    await kv.put(blobPrefix + hash, text, { flags: clock.now() });
    return hash;
  }

  return {
    put,
    documents: blobs.documents,
    async head(lastGood) {
      const entry = await kv.get(headKey, { query: { consistent: true } });
      if (!entry) return { index: 0, bundle: undefined, refused: false };
      const index = entry.modifyIndex;
      try {
        const id = headOf(Buffer.from(entry.value).toString("utf8"));
        return { index, bundle: await readBundle(id, { blobs, known: o.known(), trust }), refused: false };
      } catch (error) {
        if (!lastGood || !(error instanceof PolicyRefusal)) throw error;
        return { index, bundle: lastGood, refused: true };
      }
    },
    async putDocuments(documents, before) {
      for (const [key, document] of documents) {
        const old = before.get(key);
        if (!old || documentHash(old) !== documentHash(document)) await put(documentText(document), key);
      }
    },
    async commit(manifest, index) {
      const bundle = await put(storedText(manifest), "the list of all documents");
      const moved = await kv.put(headKey, storedText({ format: "legation-head/1", bundle }), { cas: index });
      return moved ? bundle : undefined;
    },
    async promote(bundle, base) {
      const entry = await kv.get(headKey, { query: { consistent: true } });
      const live = entry ? headOf(Buffer.from(entry.value).toString("utf8")) : null;
      if (live !== base) return live === bundle;
      return kv.put(headKey, storedText({ format: "legation-head/1", bundle }), { cas: entry?.modifyIndex ?? 0 });
    },
    async past(id) {
      const manifest = await blobs.stored("manifest", id);
      return { manifest, documents: await blobs.documents(manifest.documents) };
    },
    async history(id, limit) {
      const found: { id: string; manifest: BundleManifest }[] = [];
      for (let next: string | null = id; next !== null && found.length < limit; ) {
        const hash: string = next;
        const manifest = await blobs.stored("manifest", hash).catch((error: unknown) => {
          if (found.length > 0 && error instanceof LegationError && error.code === "policy.missing") return undefined;
          throw error;
        });
        if (!manifest) break;
        found.push({ id: hash, manifest });
        next = manifest.parent;
      }
      return found;
    },
  };
}
