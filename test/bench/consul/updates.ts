/** A process of its own that changes nothing but the output of passing checks, ten times a second. Arguments: URL, services, instances. */
import { createPopulation } from "./population.js";

const perSecond = 10;
const [url = "", services = "1", instances = "1"] = process.argv.slice(2);
const population = createPopulation({ url, services: Number(services), instances: Number(instances) });
process.once("disconnect", () => process.exit());

let count = 0;
process.once("message", () => setInterval(update, 1_000 / perSecond));

/** Tells the bench of the first one. */
function update(): void {
  count++;
  // The first half of the services is left to the changes that are measured.
  const service = Math.floor(Number(services) / 2) + (count % Math.floor(Number(services) / 2));
  population.check(`s${service}`, 0, "passing", `load ${count}`).then(
    () => count === 1 && process.send?.("updating"),
    () => process.exit(1),
  );
}
