/** Where the demo prints: a terminal, on which frames replace each other, or lines in a file or a pipe. */

/** An output. */
export interface Screen {
  readonly live: boolean;
  readonly colours: boolean;
  /** Lines that fit on the terminal now. */
  readonly rows: number;
  /** A line that stays. */
  print(line: string): void;
  /** Replaces the last frame; only on a terminal, and with at most `rows` lines. */
  show(frame: readonly string[]): void;
}

/** `stream` is a terminal when it says so; `NO_COLOR` turns colours off. A closed pipe is no error. */
export function openScreen(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Screen {
  let height = 0;
  stream.on("error", () => undefined);
  const clear = () => (height === 0 ? "" : `\r\x1b[${height}A\x1b[0J`);
  const live = stream.isTTY === true && env["TERM"] !== "dumb";
  return {
    live,
    colours: live && !env["NO_COLOR"],
    get rows() {
      return Math.max(1, (stream.rows ?? 24) - 1);
    },
    print(line) {
      stream.write(`${clear()}${line}\n`);
      height = 0;
    },
    show(frame) {
      stream.write(`${clear()}${frame.map((line) => `${line}\n`).join("")}`);
      height = frame.length;
    },
  };
}
