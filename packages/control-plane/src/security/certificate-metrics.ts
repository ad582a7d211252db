/** When the control plane's certificate and the roots of the mesh end, among the metrics. */
import { X509Certificate } from "node:crypto";
import { Gauge, type Registry } from "@legation/runtime";

/** Adds the metrics. `leafEnd` is RFC 3339, `roots` the trusted roots as PEM; either undefined while there is none. */
export function addCertificateMetrics(registry: Registry, o: { leafEnd: () => string | undefined; roots: () => string | undefined }): void {
  let known: { readonly pem: string; readonly end: number } | undefined;
  const rootsEnd = (): number | undefined => {
    const pem = o.roots();
    if (pem === undefined) return undefined;
    if (known?.pem !== pem) known = { pem, end: lastEnd(pem) };
    return Number.isFinite(known.end) ? known.end : undefined;
  };
  const add = (name: string, help: string, end: () => number | undefined) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = end();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  add("legation_certificate_expiry_timestamp_seconds", "When the control plane's own certificate ends; absent without one.", () => {
    const end = o.leafEnd();
    return end === undefined ? undefined : Date.parse(end) / 1_000;
  });
  add(
    "legation_root_certificate_expiry_timestamp_seconds",
    "When the last of the roots that the mesh trusts ends; absent without a CA.",
    rootsEnd,
  );
}

/** In seconds since the epoch; minus infinity where the text holds no certificate that can be read. */
function lastEnd(pem: string): number {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const ends = found.map((one) => {
    try {
      return Date.parse(new X509Certificate(one).validTo) / 1_000;
    } catch {
      return Number.NEGATIVE_INFINITY;
    }
  });
  return Math.max(Number.NEGATIVE_INFINITY, ...ends);
}
