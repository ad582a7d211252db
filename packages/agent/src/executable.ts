/** Whether a path leads to a program. */
import { accessSync, constants } from "node:fs";

/** True when this user may run the file. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
