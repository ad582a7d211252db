/** `npm run soak -- <name> [options]`: runs one soak from the build in `test/dist`. */
import { choose } from "../choose.mjs";

/** Each soak: what it does, and its module below `test/dist/soak`, which exports `run(args)`. */
const soaks = {
  xds: {
    about: "xDS: streams that come, go, stall and refuse for minutes; memory returns to where it was [--short] [--minutes 5] [--help] …",
    module: "xds/main.js",
  },
};

process.exitCode = await choose("soak", soaks);
