/** As whom a process runs: names of users and groups, looked up in the machine's own files. */
import { readFileSync } from "node:fs";
import { ConfigError } from "@legation/runtime";

/** A resolved user. */
export interface ProcessUser {
  readonly uid?: number;
  readonly gid?: number;
  /** `USER`, `LOGNAME` and `HOME`, where the user is known by name. */
  readonly env: Readonly<Record<string, string>>;
}

/** Reads a file of the machine; throws when it is not there. Passed in for tests. */
export type ReadFile = (path: string) => string;

/** Looks names up in /etc/passwd and /etc/group. Throws a ConfigError with the fix when there is none such, or when only root could do it. */
export function resolveUser(
  wanted: { readonly user?: string; readonly group?: string },
  myUid: number | undefined = process.getuid?.(),
  read: ReadFile = (path) => readFileSync(path, "utf8"),
): ProcessUser | undefined {
  const { user, group } = wanted;
  if (user === undefined && group === undefined) return undefined;
  const account = user === undefined ? undefined : find(read, "/etc/passwd", user);
  const uid = account ? Number(account[2]) : idOf("user", user, "/etc/passwd");
  const gid =
    group === undefined ? account && Number(account[3]) : idOf("group", find(read, "/etc/group", group)?.[2] ?? group, "/etc/group");
  if (myUid !== 0 && ((uid !== undefined && uid !== myUid) || group !== undefined))
    throw new ConfigError([
      `${user === undefined ? "group" : "user"}: only root may start the process as ${user ?? group}, and the agent runs as ${myUid}. Run it as root, or take user and group out`,
    ]);
  return {
    ...(uid === undefined || myUid !== 0 ? {} : { uid }),
    ...(gid === undefined || myUid !== 0 ? {} : { gid }),
    env: account ? { USER: account[0] ?? "", LOGNAME: account[0] ?? "", HOME: account[5] ?? "/" } : {},
  };
}

/** The line of a name or a number, split at its colons. */
function find(read: ReadFile, path: string, wanted: string): string[] | undefined {
  let text: string;
  try {
    text = read(path);
  } catch {
    return undefined;
  }
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name, , id]) => name === wanted || id === wanted);
}

function idOf(what: string, word: string | undefined, path: string): number | undefined {
  if (word === undefined) return undefined;
  if (/^\d+$/.test(word)) return Number(word);
  throw new ConfigError([`${what}: ${JSON.stringify(word)} is not in ${path}. Add it, or write its number`]);
}
