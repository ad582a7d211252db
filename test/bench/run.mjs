/** `npm run bench -- <name> [options]`: runs one bench from the build in `test/dist`. */
import { choose } from "../choose.mjs";

/** Each bench: what it measures, and its module below `test/dist/bench`, which exports `run(args)`. */
const benches = {
  compile: {
    about:
      "from one change to resources: endpoint, Service, Route, MeshDefaults, over meshes of 250 to 2,000 services [--short] [--rounds 40]",
    module: "compile/main.js",
  },
  events: {
    about: "the events of a mesh: memory of each that is kept, time to tell one",
    module: "events/main.js",
  },
  metrics: {
    about: "a scrape of a control plane: time, CPU, how long it holds up other work, by the size of the mesh [--short] [--rounds 20]",
    module: "metrics/main.js",
  },
  xds: {
    about: "xDS: cold storm, push, CPU and memory beside go-control-plane and a floor [--short] [--help] …",
    module: "xds/main.js",
  },
  ledger: {
    about:
      "what the ledger costs: CPU of a change that goes to all proxies, with and without it, and its memory [--short] [--proxies 2000]",
    module: "ledger/main.js",
  },
  consul: {
    about: "how soon a change in Consul is seen, and what watching costs [--short] [--consul 1.19.2,1.8.7]",
    module: "consul/main.js",
  },
  agent: {
    about: "an agent at rest beside its Envoys: memory, CPU, ratios [--services 1,20] [--seconds 60] [--rhythms …] [--no-envoys]",
    module: "agent/main.js",
  },
  balancing: {
    about:
      "health_based beside round robin and least request: one instance slow, or failing [--instances 10] [--rate 150] [--seconds 40] [--help]",
    module: "balancing/main.js",
  },
  cli: {
    about: "each command from start to end on a running mesh, beside Node that does nothing [--rounds 15]",
    module: "cli/main.js",
  },
  identity: {
    about:
      "mutual TLS beside plain text through the same two Envoys: latency, CPU [--short] [--seconds 5] [--rounds 8] [--rate 400] [--enforce]",
    module: "identity/main.js",
  },
};

process.exitCode = await choose("bench", benches);
