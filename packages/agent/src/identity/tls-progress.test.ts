import { type IdentityMode, identityModes } from "@legation/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { beginTls, nextTls, proofDue, type TlsEvent, type TlsProgress, type TlsProof, waitsFor, withheld } from "./tls-progress.js";

const at = 1_000;
const ordered = (mode: IdentityMode): TlsEvent => ({ kind: "ordered", mode });
const proved = (proof: TlsProof): TlsEvent => ({ kind: "proved", proof });
const disproved = (proof: TlsProof): TlsEvent => ({ kind: "disproved", proof, problem: "refused" });
const certificate: TlsEvent = { kind: "certificate" };
const lost: TlsEvent = { kind: "certificate", problem: "Consul does not answer" };
const registered: TlsEvent = { kind: "registered" };

const fresh = (mode: IdentityMode, noCertificate?: string): TlsProgress => beginTls({ mode, kept: undefined, noCertificate }, at);
const adopted = (mode: IdentityMode, kept: TlsProgress["tls"], noCertificate?: string): TlsProgress =>
  beginTls({ mode, kept, noCertificate }, at);
const after = (start: TlsProgress, ...events: TlsEvent[]): TlsProgress =>
  events.reduce((progress, event) => nextTls(progress, event, at), start);
const shown = (progress: TlsProgress): string => `${progress.tls}, ${proofDue(progress) ?? "nothing"} due`;

describe("the way between plain text and mutual TLS", () => {
  const running = (mode: IdentityMode, noCertificate?: string) => after(fresh(mode, noCertificate), registered);
  it.each<[string, TlsProgress, TlsEvent[], string]>([
    ["off asks for nothing", running("off"), [], "plain, nothing due"],
    ["off, then permissive: a handshake first", running("off"), [ordered("permissive")], "plain, handshake due"],
    ["the handshake makes it accepted", running("permissive"), [proved("handshake")], "accepted, nothing due"],
    ["a failed one is tried again", running("permissive"), [disproved("handshake")], "plain, handshake due"],
    [
      "permissive, then strict: the callers first",
      running("permissive"),
      [proved("handshake"), ordered("strict")],
      "accepted, callers due",
    ],
    ["the callers make it required", adopted("strict", "accepted"), [proved("handshake"), proved("callers")], "required, nothing due"],
    ["callers that lack it do not", adopted("strict", "accepted"), [proved("handshake"), disproved("callers")], "accepted, callers due"],
    [
      "off, then strict goes all the way",
      running("off"),
      [ordered("strict"), proved("handshake"), proved("callers")],
      "required, nothing due",
    ],
    ["strict, then permissive: plain text first", adopted("strict", "required"), [ordered("permissive")], "required, plaintext due"],
    ["plain text makes it accepted", adopted("permissive", "required"), [proved("plaintext")], "accepted, handshake due"],
    ["or plain, where identity is off", adopted("off", "required"), [proved("plaintext")], "plain, nothing due"],
    ["or plain without a certificate", adopted("permissive", "required", "gone"), [proved("plaintext")], "plain, nothing due"],
    ["plain text that is refused is tried again", adopted("off", "required"), [disproved("plaintext")], "required, plaintext due"],
    ["permissive, then off at once", adopted("permissive", "accepted"), [ordered("off")], "plain, nothing due"],
    ["back to strict on the way back", adopted("permissive", "required"), [ordered("strict")], "required, handshake due"],
    [
      "a handshake is not remembered over off",
      running("permissive"),
      [proved("handshake"), ordered("off"), ordered("permissive")],
      "plain, handshake due",
    ],
    ["no certificate, no handshake", running("permissive", "none yet"), [], "plain, nothing due"],
    ["a certificate that comes later", running("permissive", "none yet"), [certificate], "plain, handshake due"],
    ["a certificate that is lost ends accepted", adopted("permissive", "accepted"), [lost], "plain, nothing due"],
    ["under strict it does not: plain text would be refused", adopted("strict", "accepted"), [lost], "accepted, nothing due"],
    ["nor does it end required", adopted("strict", "required"), [lost], "required, nothing due"],
    ["a new certificate is tried", adopted("strict", "required"), [proved("handshake"), certificate], "required, handshake due"],
    [
      "handshakes that fail send callers back to plain text",
      adopted("permissive", "accepted"),
      [disproved("handshake"), disproved("handshake"), disproved("handshake")],
      "plain, handshake due",
    ],
    [
      "not under strict",
      adopted("strict", "accepted"),
      [disproved("handshake"), disproved("handshake"), disproved("handshake")],
      "accepted, handshake due",
    ],
    ["anew under strict: required at once", fresh("strict"), [], "required, handshake due"],
    ["anew, and strict is ordered before anybody knows it", fresh("off"), [ordered("strict")], "required, handshake due"],
    ["anew under strict, the certificate comes in time", fresh("strict", "none yet"), [certificate], "required, handshake due"],
    ["anew under strict, the certificate comes late", fresh("strict", "none yet"), [registered, certificate], "plain, handshake due"],
    [
      "a proof that is not due counts for nothing",
      adopted("off", "required"),
      [proved("handshake"), proved("callers")],
      "required, plaintext due",
    ],
  ])("%s", (_name, start, events, expected) => {
    expect(shown(after(start, ...events))).toBe(expected);
  });

  it("keeps an instance that starts under strict from callers until its first handshake, and no longer", () => {
    const start = fresh("strict");
    expect(withheld(start)).toBe("identity is strict, and mutual TLS is not there yet: mutual TLS with its own inbound address is tried");
    expect(withheld(after(start, registered, disproved("handshake")))).toMatch(/is tried: refused$/);
    const up = after(start, registered, proved("handshake"));
    expect(withheld(up)).toBeUndefined();
    expect(withheld(after(up, lost))).toBeUndefined();
    expect(withheld(after(start, ordered("permissive")))).toBeUndefined();
    expect(withheld(fresh("strict", "no CA"))).toMatch(/there is no certificate: no CA$/);
    expect(withheld(adopted("strict", "plain"))).toBeUndefined();
    expect(withheld(after(fresh("permissive"), proved("handshake"), ordered("strict")))).toBeUndefined();
  });

  it("says why it is not as its mode says, and since when it is as it is", () => {
    expect(waitsFor(adopted("strict", "required"))).toBe("mutual TLS with its own inbound address is tried");
    expect(waitsFor(after(adopted("strict", "required"), proved("handshake")))).toBeUndefined();
    expect(waitsFor(after(adopted("permissive", "plain"), lost))).toBe("there is no certificate: Consul does not answer");
    expect(waitsFor(after(adopted("off", "plain"), lost))).toBeUndefined();
    const moved = nextTls(adopted("permissive", "plain"), proved("handshake"), 5_000);
    expect(moved).toMatchObject({ tls: "accepted", since: 5_000, cause: "it has spoken mutual TLS with its own inbound address" });
    expect(nextTls(moved, registered, 6_000).since).toBe(5_000);
  });
});

const proof = fc.constantFrom<TlsProof>("handshake", "callers", "plaintext");
const event = fc.oneof(
  fc.constantFrom(...identityModes).map(ordered),
  fc.constantFrom(certificate, lost, registered),
  proof.map(proved),
  proof.map(disproved),
);
const start = fc.record({
  mode: fc.constantFrom(...identityModes),
  kept: fc.constantFrom("plain" as const, "accepted" as const, "required" as const, undefined),
  noCertificate: fc.constantFrom(undefined, "none"),
});

describe("whatever happens, in whatever order", () => {
  it("TLS is accepted, required and taken back only by the proof for it", () => {
    fc.assert(
      fc.property(start, fc.array(event, { maxLength: 30 }), (beginning, events) => {
        let before = beginTls(beginning, at);
        for (const happened of events) {
          const due = proofDue(before);
          const now = nextTls(before, happened, at);
          const by = (wanted: TlsProof): boolean => due === wanted && happened.kind === "proved" && happened.proof === wanted;
          if (before.tls === "plain" && now.tls === "accepted") expect(by("handshake")).toBe(true);
          if (now.tls === "required" && before.tls === "accepted") expect(by("callers") && now.mode === "strict").toBe(true);
          if (now.tls === "required" && before.tls === "plain") expect(before.fresh && now.mode === "strict").toBe(true);
          if (before.tls === "required" && now.tls !== "required") expect(by("plaintext") && now.mode !== "strict").toBe(true);
          if (before.tls === "accepted" && now.tls === "plain") expect(now.mode).not.toBe("strict");
          before = now;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("it is where its mode wants it after at most three proofs that succeed, and rests there", () => {
    const goal = { off: "plain", permissive: "accepted", strict: "required" } as const;
    fc.assert(
      fc.property(start, fc.array(event, { maxLength: 30 }), (beginning, events) => {
        let progress = after(beginTls(beginning, at), ...events, certificate);
        for (let attempt = 0; attempt < 3; attempt++) {
          const due = proofDue(progress);
          if (due) progress = nextTls(progress, proved(due), at);
        }
        expect(progress.tls).toBe(goal[progress.mode]);
        expect([proofDue(progress), waitsFor(progress), withheld(progress)]).toEqual([undefined, undefined, undefined]);
      }),
      { numRuns: 2_000 },
    );
  });
});
