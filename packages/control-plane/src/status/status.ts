/** The status model: what every answer about services is made from, the same at every replica. STATUS.md says how it is decided. */
import type { CatalogService } from "@legation/mesh";
import { type MeshStatus, meshStatusOf } from "./mesh-status.js";
import type { SharedReports } from "./shared-reports.js";

/** How the mesh stands, and which control planes did not answer, each with the reason. */
export interface StatusAnswer {
  readonly mesh: MeshStatus;
  readonly silent: readonly string[];
}

/** See the file's sentence. */
export interface Status {
  /** How all stands now: the other control planes are asked for what is new. Questions of the same moment share one answer. */
  current(): Promise<StatusAnswer>;
}

/** Makes the model over the registry of this replica and the reports of all. */
export function createStatus(o: {
  /** In the order of their names. */
  readonly services: () => readonly CatalogService[];
  /** Everything that Consul lists has been read once. */
  readonly initialized: () => boolean;
  readonly reports: SharedReports;
}): Status {
  const { reports } = o;
  let last: { readonly asked: Promise<readonly string[]>; readonly answer: Promise<StatusAnswer> } | undefined;
  let mesh: MeshStatus | undefined;
  return {
    current() {
      const asked = reports.refresh();
      if (last?.asked === asked) return last.answer;
      const answer = asked.then((silent) => {
        mesh = meshStatusOf({ services: o.services(), reports, initialized: o.initialized() }, mesh);
        return { mesh, silent };
      });
      last = { asked, answer };
      return answer;
    },
  };
}
