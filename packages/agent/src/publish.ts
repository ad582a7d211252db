/** Whatever changes in an instance is told from one place: to Consul, the control plane and the files that others read. */
import { reportedStanding } from "./channel/standing.js";
import { type Instance, isServing } from "./instance.js";
import { statusOf } from "./status.js";
import { standingOf } from "./supervisor/standing.js";

/** Creates the function that tells; call it after each change, it tells only what is new. */
export function createPublisher(instance: Instance): () => void {
  const { config, supervisor, health, figures, stateDir, log } = instance;
  let written = "";
  let reported = "";

  const writeReady = (): void => {
    if (written === "" && !isServing(instance)) return;
    const { pids, addresses } = statusOf(instance);
    const { app: _app, ...listening } = addresses;
    const ready = { id: config.service.id, node: instance.node, ...listening, pids };
    const text = JSON.stringify(ready);
    if (text === written) return;
    if (written === "") log.info({ event: "agent.ready", node: instance.node, ...listening, pids }, `${config.service.id} serves`);
    written = text;
    stateDir.writeReady(ready);
  };

  return () => {
    const { phase, reason, restarts, lastRestart, lastError, goal } = supervisor.state;
    const envoy = instance.envoy?.runner.state;
    const envoyProblem =
      config.values.envoy.enabled && envoy?.phase !== "live"
        ? (envoy?.reason ?? "Envoy has not been started")
        : instance.migration?.withheld;
    instance.registrar?.advertise(
      standingOf({ phase, alive: supervisor.alive, reason, ...(envoyProblem ? { envoyProblem } : {}), checks: health.checks }),
    );
    if (goal !== "stop") {
      stateDir.keep({ restarts, ...(lastRestart === undefined ? {} : { lastRestart }), healthy: isServing(instance) });
      writeReady();
    }
    const standing = reportedStanding(instance);
    const report = JSON.stringify([
      ...[phase, reason, restarts, lastRestart, lastError, health.level],
      ...[standing, figures.load(), figures.breakers()],
    ]);
    if (report !== reported) instance.channel?.changed();
    reported = report;
  };
}
