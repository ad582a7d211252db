/** The metrics page: the figures of the process, then those of the services, written piece by piece so that no scrape holds up the proxies. */
import { setImmediate } from "node:timers/promises";
import type { CatalogService } from "@legation/mesh";
import { printed } from "./exposition.js";
import type { Restarts } from "./restarts.js";
import { type ServiceFigures, type ServiceSources, serviceFamilies, serviceFigures } from "./service-figures.js";

/** Work goes on for this long before other work has its turn; milliseconds. */
const slice = 3;

/** What the page is made of. */
export interface PageSources extends ServiceSources {
  /** The figures of the process. */
  readonly own: () => Promise<string>;
  /** In the order of their names. */
  readonly services: () => readonly CatalogService[];
  readonly restarts: Restarts;
  /** Services shown at most, the first ones by name. */
  readonly most: number;
}

/** Gives the page in pieces. Each is as things stand when it is made. */
export async function* metricsPage(sources: PageSources): AsyncGenerator<string> {
  yield await sources.own();
  const pause = createPause();
  const figures: ServiceFigures[] = [];
  const services = sources.services();
  const names = new Set(services.map(({ name }) => name));
  sources.restarts.forget((name) => names.has(name));
  for (const service of services.slice(0, sources.most)) {
    figures.push(serviceFigures(service, sources));
    await pause();
  }
  yield leftOut(Math.max(0, services.length - sources.most));
  let chunk = "";
  for (const piece of printed(serviceFamilies, figures, ({ label }) => label)) {
    chunk += piece;
    if (chunk.length < 32_768) continue;
    yield chunk;
    chunk = "";
    await pause();
  }
  yield chunk;
}

function leftOut(count: number): string {
  const name = "legation_metrics_left_out_services";
  return `# HELP ${name} Services of the registry that have no rows here, because they are more than --metrics-services.\n# TYPE ${name} gauge\n${name} ${count}\n`;
}

function createPause(): () => Promise<void> | undefined {
  let end = performance.now() + slice;
  return () => {
    if (performance.now() < end) return undefined;
    return setImmediate().then(() => {
      end = performance.now() + slice;
    });
  };
}
