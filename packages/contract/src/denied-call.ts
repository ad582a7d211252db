/** The line by which an Envoy tells its agent of a call that intentions refuse: one JSON object on Envoy's standard output. */

/** The value of the line's `legation`, by which it is told from all else that Envoy writes. */
export const deniedCallMark = "denied-call";

/** The line. What Envoy does not know is null. */
export interface DeniedCallLine {
  readonly legation: typeof deniedCallMark;
  /** URIs of the two certificates: who called, and who was called. */
  readonly caller: string | null;
  readonly callee: string | null;
  /** The rule that refused a request; null where only TCP was spoken, and in shadow. */
  readonly rule: string | null;
  /** The rule that would have refused the call in `enforce`, of HTTP and of TCP. */
  readonly shadow: string | null;
  readonly shadowTcp: string | null;
  /** How a TCP connection was refused: the name of the rule in square brackets, after a word of Envoy's. */
  readonly termination: string | null;
  readonly method: string | null;
  /** With its query; cut off. */
  readonly path: string | null;
}
