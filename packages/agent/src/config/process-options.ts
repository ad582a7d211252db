/** The options of the service's process: its command, how and as whom it runs, what is run around it, and how it is ended. */
import { option } from "@legation/runtime";
import { sizeOption } from "./size.js";

/** A command: a YAML list is an argv, text is handed to `/bin/sh -c`. */
export function commandOption(description: string, flag?: string) {
  return option.parsed<readonly string[]>(
    "command",
    (raw) => {
      if (typeof raw === "string" && raw.trim() !== "") return { value: ["/bin/sh", "-c", raw] };
      if (Array.isArray(raw) && raw.length > 0 && raw.every((word) => ["string", "number"].includes(typeof word)))
        return { value: raw.map(String) };
      return { problem: `${JSON.stringify(raw)} is not a command. Write [node, server.js] or "node server.js".` };
    },
    { description, ...(flag ? { flag } : {}) },
  );
}

function hook(description: string) {
  return {
    command: commandOption(description),
    timeout: option.duration({ description: "It is ended when it takes longer", default: 30_000 }),
  };
}

/** See the file's sentence; a part of the agent's option table. */
export const processOptions = {
  command: commandOption(
    "The service's process. A list is run as it is, text by /bin/sh -c. Without it, somebody else starts the application",
    "--command",
  ),
  cwd: option.string({ description: "The process's working directory; the agent's unless given" }),
  env: option.map({ description: "Variables for the process, beside the agent's own", default: {} }),
  envFiles: option.list({
    description: "Files with lines NAME=value for the process; later ones win, and env wins over them",
    default: [],
  }),
  user: option.string({ description: "The process's user, a name of /etc/passwd or a number; only root may choose another" }),
  group: option.string({ description: "The process's group, a name of /etc/group or a number; the user's own unless given" }),
  umask: option.string({
    description: "The process's umask, octal",
    check: (value) => (/^0?[0-7]{3}$/.test(value) ? undefined : "is not a umask. Write three octal digits in quotes, such as '027'"),
  }),
  limits: {
    nofile: option.integer({ description: "Open files", min: 3 }),
    core: sizeOption({ description: "The size of a core file; 0 for none" }),
    as: sizeOption({ description: "Address space. Node and the JVM reserve far more than they use" }),
  },
  hooks: {
    beforeStart: hook("Run before each start of the process; when it fails, the start has failed"),
    afterStart: hook("Run when the process has become healthy after a start"),
    beforeStop: hook("Run before the process is asked to end, its traffic being drained"),
    afterStop: hook("Run when the process and its group have ended, before it is started again"),
  },
  stopSignal: option.enumeration(["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"], {
    description: "What asks the process to end",
    default: "SIGTERM",
  }),
  stopTimeout: option.duration({ description: "From that signal to SIGKILL of the process", default: 30_000, flag: "--stop-timeout" }),
};
