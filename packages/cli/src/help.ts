/** `legation --help`: the commands, and what all of them have in common. */
import { type Command, commands } from "./command.js";

/** The text, within 80 columns. */
export function help(list: readonly Command[] = commands): string {
  const width = Math.max(...list.map(({ name }) => name.length)) + 2;
  return `legation: a service mesh of Consul and Envoy

Consul keeps the register, Envoy carries the traffic, Legation writes the
orders: an agent beside each service instance, and a control plane.

Usage: legation COMMAND [flags]

Commands:
${list.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`).join("\n")}

Flags of every command:
  --help, -h    Show what the command does, its flags and its settings
  --version     Print the version (without a command)

Flags of the commands that ask a control plane (services, proxies, audit,
policy):
  --api URL     The control plane's HTTP API; several with commas between
                them are tried in turn [LEGATION_API]
                Default: http://127.0.0.1:8080
  --token-file FILE
                The Consul ACL token to ask with, where Consul uses ACLs
                [LEGATION_TOKEN, CONSUL_HTTP_TOKEN, CONSUL_HTTP_TOKEN_FILE]
  --ca-file FILE
                Consul's CA, for an https URL [LEGATION_CA_FILE]
  --json        Print JSON for programs instead of a table for people

Flags of the commands that ask an agent (drain, undrain, restart,
maintenance):
  --state-dir DIRECTORY
                The state directory of the agent, if this machine has several
  --admin ADDRESS
                The agent's API, host:port or unix:/path, instead

Environment:
  CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN and Consul's other standard variables
                Where Consul is (agent, control-plane)
  LEGATION_API  See --api
  LEGATION_DEBUG=1
                Show the stack behind an error message
  Each command's --help names the variables of its own settings.

Exit codes:
  0    Done. An agent that runs its service ends with the service's code
  1    Failed; the message on standard error says why
  2    The command line or the configuration is wrong; nothing was done
  3    No control plane answers, or the agent does not
  4    Under way, and not over in the time of --timeout
  5    Not permitted: the message names the ACL rule that the token lacks
  129, 130, 143
       Ended by force: a second SIGHUP, SIGINT or SIGTERM while stopping

Examples:
  legation control-plane --consul-addr http://127.0.0.1:8500
  legation agent --config service.yaml
  legation agent --config service.yaml --print-config
  legation services --json
  legation prove rollout
  legation drain --wait --timeout 60s
`;
}
