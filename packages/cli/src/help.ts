/** `legation --help`: the commands by what they are for, and what all of them have in common. */
import type { Command, Group } from "./command.js";

const groups: readonly (readonly [Group, string])[] = [
  ["processes", "Run the mesh"],
  ["see", "See it"],
  ["why", "Know why"],
  ["steer", "Steer it"],
  ["prove", "Prove it"],
  ["more", "More"],
];

/** The text, within 80 columns. */
export function help(list: readonly Command[]): string {
  const width = Math.max(...list.map(({ name }) => name.length)) + 2;
  const sections = groups.flatMap(([group, title]) => {
    const lines = list
      .filter((command) => (command.group ?? "more") === group)
      .map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
    return lines.length > 0 ? [`${title}:\n${lines.join("\n")}\n`] : [];
  });
  return `legation: a service mesh of Consul and Envoy

Consul keeps the register, Envoy carries the traffic, Legation writes the
orders: an agent beside each service instance, and a control plane.

Usage: legation COMMAND [flags]

${sections.join("\n")}
legation help COMMAND shows what a command does, its flags, the environment
variables that set them, its exit codes and examples.

Where the control plane is:
  --api URL     Its HTTP API, several with commas between them; or the
                variable LEGATION_API. Default: http://127.0.0.1:8080
  --json        Of every command that answers: JSON for programs
  --watch       Of every command that lists: again and again

Exit codes:
  0    Done. An agent that runs its service ends with the service's code
  1    Failed; the message on standard error says why
  2    The command line or the configuration is wrong; nothing was done
  3    No control plane answers, or the agent does not
  4    Under way, and not over in the time of --timeout, or of unknown end
  5    Not permitted: the message names the ACL rule that the token lacks
  128 + a signal's number
       Ended by that signal

Examples:
  legation agent --config service.yaml
  legation services --watch
  legation policy apply -f orders.yaml --reason "shorter timeouts"
  legation drain --wait --timeout 60s
`;
}
