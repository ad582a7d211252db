/** The signals of the agent's process: caught from the first moment, and handed on once there is somebody to act on them. */

/** What the agent acts on: TERM and INT leave, HUP reads the configuration again, USR2 lets go of everything and exits. */
export type AgentSignal = (typeof agentSignals)[number];

const agentSignals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const;

/** Node's `process`, as far as it is needed. */
export interface SignalSource {
  on(signal: AgentSignal, listener: (signal: AgentSignal) => void): unknown;
  off(signal: AgentSignal, listener: (signal: AgentSignal) => void): unknown;
}

/** Caught signals. */
export interface CaughtSignals {
  /** Hands on each signal, those that came before at once and in their order. */
  deliver(to: (signal: AgentSignal) => void): void;
  /** Back to what the signals do by themselves. */
  release(): void;
}

/** Catches from now on. */
export function catchSignals(source: SignalSource = process): CaughtSignals {
  const waiting: AgentSignal[] = [];
  let receiver: ((signal: AgentSignal) => void) | undefined;
  const onSignal = (signal: AgentSignal): void => {
    if (receiver) receiver(signal);
    else waiting.push(signal);
  };
  for (const signal of agentSignals) source.on(signal, onSignal);
  return {
    deliver(to) {
      receiver = to;
      for (const signal of waiting.splice(0)) to(signal);
    },
    release() {
      for (const signal of agentSignals) source.off(signal, onSignal);
    },
  };
}
