/** What this replica knows of identity: the policies and the trust. */
import {
  answersPlaintext,
  answersTls,
  type CalleeIdentity,
  type CatalogService,
  type IdentityPolicies,
  type Instance,
  identityChanges,
  identityOf,
  keyOf,
  metaOf,
  type NodeIdentity,
  noIdentityPolicies,
  type Trust,
} from "@legation/mesh";

/** The knowledge. The setters return the services among `known` that have to be compiled again. */
export interface MeshIdentity {
  setPolicies(policies: IdentityPolicies, known: () => Iterable<string>): Iterable<string>;
  setTrust(trust: Trust | undefined, known: () => Iterable<string>): Iterable<string>;
  policies(): IdentityPolicies;
  policiesKnown(): boolean;
  /** True once both were set. */
  known(): boolean;
  trust(): Trust | undefined;
  /** What the callers of a service depend on. */
  callee(service: string): CalleeIdentity;
  /** What an instance of a service depends on, by its `instanceKey`; with it a text that differs when anything of that does. */
  of(service: string): (instance: string) => readonly [NodeIdentity, string];
}

/** Makes it without policies and trust. */
export function createMeshIdentity(catalog: (name: string) => CatalogService | undefined): MeshIdentity {
  let policies = noIdentityPolicies;
  let trust: Trust | undefined;
  const set = { policies: false, trust: false };

  return {
    setPolicies(next, known) {
      const before = policies;
      set.policies = true;
      policies = next;
      const { mode, authorization } = next.mesh;
      const narrow = mode === before.mesh.mode && authorization === before.mesh.authorization;
      return identityChanges(before, next, narrow ? new Set([...before.services.keys(), ...next.services.keys()]) : known());
    },
    setTrust(next, known) {
      set.trust = true;
      if (next?.trustDomain === trust?.trustDomain && next?.datacenter === trust?.datacenter) return [];
      trust = next;
      return known();
    },
    policies: () => policies,
    policiesKnown: () => set.policies,
    known: () => set.policies && set.trust,
    trust: () => trust,
    callee: (service) => ({ mode: identityOf(policies, service).mode, trust }),
    of(service) {
      const { mode } = identityOf(policies, service);
      // What an instance's registration says counts for its own Envoy in strict, and in off as long as it speaks of TLS.
      const counts = (instance: Instance) => mode === "strict" || (mode === "off" && metaOf(instance).tls !== undefined);
      const instances = new Map(catalog(service)?.instances.flatMap((one) => (counts(one) ? [[keyOf(one), one] as const] : [])));
      const shared = `${mode} ${trust?.trustDomain ?? ""} ${trust?.datacenter ?? ""}`;
      return (key) => {
        const registered = instances.get(key);
        const identity: NodeIdentity = { policies, trust, registered };
        return [identity, `${shared} ${answersPlaintext(mode, registered)} ${answersTls(mode, "tcp", registered)}`];
      };
    },
  };
}
