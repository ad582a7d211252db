/** The commands that wait for agents: one open event stream per instance, the newest one wins. */
import type { Command } from "@legation/contract";

/** Takes the commands of one agent; called by the directory, never after `closed`. */
export interface CommandListener {
  command(command: Command): void;
  /** Another stream of the same instance took over, or the control plane stops. */
  closed(): void;
}

/** Which agents listen at this replica. */
export interface CommandDirectory {
  /** Registers the stream of an instance and ends an older one of the same instance. Returns what to call when it ends. */
  listen(instance: string, listener: CommandListener): () => void;
  /** Sends a command. False when the instance's agent does not listen here. */
  send(instance: string, command: Command): boolean;
  /** Whether the instance's agent listens here. */
  has(instance: string): boolean;
  /** The instances whose agents listen here. */
  instances(): Iterable<string>;
  /** Ends all streams. */
  close(): void;
}

/** Makes an empty directory. */
export function createCommandDirectory(): CommandDirectory {
  const listeners = new Map<string, CommandListener>();
  return {
    listen(instance, listener) {
      listeners.get(instance)?.closed();
      listeners.set(instance, listener);
      return () => {
        if (listeners.get(instance) === listener) listeners.delete(instance);
      };
    },
    send(instance, command) {
      const listener = listeners.get(instance);
      listener?.command(command);
      return listener !== undefined;
    },
    has: (instance) => listeners.has(instance),
    instances: () => listeners.keys(),
    close() {
      for (const listener of listeners.values()) listener.closed();
      listeners.clear();
    },
  };
}
