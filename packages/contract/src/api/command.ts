/** Orders to agents, and what they answer. */
import { z } from "zod";
import { commandKinds } from "../command.js";
import { instanceFields, word } from "./agent-report.js";

/** What is asked of an agent. */
export const commandOrder = z
  .object({
    kind: z.enum(commandKinds),
    force: z.boolean().optional().describe("Of a restart: although its attempts are used up."),
  })
  .meta({ id: "CommandOrder", description: "What is asked of an agent." });

/** An agent's word on a command. */
export const commandReport = z
  .object({
    ...instanceFields,
    service: word,
    command: word.describe("The `id` of the command."),
    replica: word.describe("The control plane that waits for the result."),
    ok: z.boolean().describe("False when the agent refused it, or failed at it."),
    message: z.string().max(65_536).describe("In words; the reason when it is not ok."),
    body: z.unknown().optional().describe("What the kind of command says."),
    relayed: z.literal(true).optional().describe("A control plane passes it on to the one that waits for it."),
  })
  .meta({ id: "CommandReport", description: "An agent's word on a command." });

/** Which instance's agent listens for commands. */
export const listenQuery = z.object({
  ...instanceFields,
  service: word.optional().describe("Its service, to be told the identity mode of that, too."),
});
