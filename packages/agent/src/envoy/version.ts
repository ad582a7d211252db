/** The version of the Envoy that runs, asked once of each. */
import type { EnvoyAdmin, EnvoyIdentity } from "./admin.js";
import type { EnvoyState } from "./runner.js";

/** Makes the question: the version as `1.40.0`; undefined until the Envoy that runs now has told it. `onKnown` is called when it has. */
export function createEnvoyVersion(o: {
  readonly admin: Pick<EnvoyAdmin, "identity">;
  readonly state: () => EnvoyState;
  readonly onKnown: () => void;
}): () => string | undefined {
  let asked: number | undefined;
  let version: string | undefined;

  async function ask(pid: number): Promise<void> {
    const said = await o.admin.identity().catch(() => undefined);
    if (asked !== pid) return;
    version = said && versionIn(said);
    if (version === undefined) asked = undefined;
    else o.onKnown();
  }

  return () => {
    const { phase, pid } = o.state();
    if (phase === "live" && pid !== undefined && pid !== asked) {
      asked = pid;
      version = undefined;
      void ask(pid);
    }
    return phase === "down" ? undefined : version;
  };
}

/** The number in what Envoy says of itself: `<commit>/1.40.0/Clean/RELEASE/BoringSSL`. */
export function versionIn({ version }: Pick<EnvoyIdentity, "version">): string | undefined {
  return version.split("/")[1];
}
