/** A steady stream of requests over kept connections, each answer counted. */
import { Agent, request } from "node:http";

/** What came of it. */
export interface LoadResult {
  readonly answered: number;
  /** One line for each request that was not answered with 200. */
  readonly failures: readonly string[];
}

/** Sends from `connections` kept connections, each one request after the other, until it is stopped. */
export function startSteadyLoad(url: string, connections = 4): { stop(): Promise<LoadResult> } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const failures: string[] = [];
  let answered = 0;
  let stopped = false;
  const once = (): Promise<void> =>
    new Promise((resolve) => {
      const fail = (why: string): void => {
        failures.push(why);
        resolve();
      };
      const asked = request(url, { agent }, (reply) => {
        reply.resume().once("end", () => {
          if (reply.statusCode !== 200) return fail(`answered ${reply.statusCode}`);
          answered += 1;
          resolve();
        });
        reply.once("error", (error) => fail(error.message));
      });
      asked.once("error", (error) => fail(error.message)).end();
    });
  const worker = async (): Promise<void> => {
    while (!stopped) await once();
  };
  const workers = Array.from({ length: connections }, worker);
  return {
    async stop() {
      stopped = true;
      await Promise.all(workers);
      agent.destroy();
      return { answered, failures };
    },
  };
}
