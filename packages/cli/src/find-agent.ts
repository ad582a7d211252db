/** Which agent of this machine is meant, and what is needed to speak to it. */
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { type Contact, contactFile, readContact } from "@legation/agent/contact";
import { type ConfigValues, LegationError, option } from "@legation/runtime/command-line";

/** The settings of every command that asks an agent. */
export const agentSettings = {
  admin: option.string({
    description: "The agent's API, host:port or unix:/path; else it is found by its state directory",
    unit: "address",
    env: "LEGATION_ADMIN",
    flag: "--admin",
  }),
  stateDir: option.string({
    description: "The agent's state directory, which holds the token for its API. ~/.local/state/legation/<id> unless given",
    unit: "directory",
    env: ["LEGATION_STATE_DIR", "STATE_DIRECTORY"],
    flag: "--state-dir",
  }),
  token: option.string({
    description: "The token for the agent's API, where its state directory cannot be read",
    env: "LEGATION_ADMIN_TOKEN",
    secret: true,
  }),
  json: option.boolean({ description: "Print JSON for programs instead of text for people", default: false, flag: "--json" }),
};

/** The values of `agentSettings`. */
export type AgentSettings = ConfigValues<typeof agentSettings>;

/** Where an agent is, and the token for it where there is one. */
export type FoundAgent = Omit<Contact, "token"> & { readonly token?: string };

/**
 * Finds the agent by the settings; `id` is the instance's where one was named. Throws LegationError "usage" when none or several could be
 * meant, with what to write.
 */
export function findAgent(settings: AgentSettings, id: string | undefined, env: Readonly<Record<string, string | undefined>>): FoundAgent {
  const { admin, token } = settings;
  if (token !== undefined && /[^\x21-\x7e]/.test(token))
    throw new LegationError(
      "usage",
      `LEGATION_ADMIN_TOKEN holds a line break, a space or another character that no token has. Give the token alone, as it stands in ${contactFile}`,
    );
  const home = join(env["HOME"] ?? homedir(), ".local", "state", "legation");
  const stateDir = settings.stateDir === undefined ? undefined : resolve(settings.stateDir);
  if (admin !== undefined) {
    const address = admin.replace(/^http:\/\//, "").replace(/\/+$/, "");
    const known = (stateDir === undefined ? contactsBelow(home) : [stateDir, ...below(stateDir)].flatMap(contactIn)).find(
      ({ contact }) => contact.address === address,
    );
    const given = token ?? known?.contact.token;
    return { address, ...(given === undefined ? {} : { token: given }) };
  }
  const { contact } = one(stateDir ?? home, stateDir === undefined ? contactsBelow(home) : contactsOf(stateDir), id);
  return token === undefined ? contact : { ...contact, token };
}

interface Candidate {
  readonly id: string;
  readonly contact: Contact;
}

/** Of a directory that was named: its services, where it is that of an agent with many, else itself. */
function contactsOf(stateDir: string): Candidate[] {
  const services = below(stateDir).flatMap(contactIn);
  return services.length > 0 ? services : contactIn(stateDir);
}

function contactsBelow(home: string): Candidate[] {
  return below(home).flatMap(contactsOf);
}

function contactIn(directory: string): Candidate[] {
  const contact = readContact(directory);
  return contact ? [{ id: directory.split("/").at(-1) ?? "", contact }] : [];
}

function below(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(directory, name));
  } catch {
    return [];
  }
}

function one(directory: string, candidates: readonly Candidate[], id: string | undefined): Candidate {
  const meant =
    id === undefined || (candidates.length === 1 && candidates[0]?.id !== id && directory.endsWith(`/${id}`))
      ? candidates
      : candidates.filter((candidate) => candidate.id === id);
  const [first] = meant;
  if (first && meant.length === 1) return first;
  const usage = (message: string) => new LegationError("usage", message);
  const ids = candidates.map((candidate) => candidate.id).join(", ");
  if (meant.length > 1)
    throw usage(`several agents have run on this machine: ${ids}. Name one behind the command, or its directory with --state-dir`);
  if (id !== undefined && candidates.length > 0) throw usage(`no agent of ${id} is known in ${directory}. There are: ${ids}`);
  const what = existsSync(directory) ? `there is no ${contactFile} that this user can read in ${directory}` : `there is no ${directory}`;
  throw usage(`no agent is found: ${what}. Name the agent's state directory with --state-dir, or its API with --admin`);
}
