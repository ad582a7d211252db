/** What the manual pages of all commands have in common. */

/** Variables that change how every command writes. */
export const usualEnvironment: Readonly<Record<string, string>> = {
  NO_COLOR: "No colours, even on a terminal",
  FORCE_COLOR: "Colours even where there is no terminal; 0 for none",
  COLUMNS: "How wide lines may be where there is no terminal; 80 unless set",
  LEGATION_DEBUG: "1: show the stack behind an error message",
};

/** The exit codes of commands that ask and end. */
export const usualExitStatus: Readonly<Record<string, string>> = {
  0: "Done.",
  1: "It failed; the message on standard error says why.",
  2: "The command line is wrong; nothing was done.",
  3: "No control plane answers, or the agent does not.",
  4: "Under way, and not over in the time given; or nobody says what became of it.",
  5: "Not permitted; the message names the ACL rule that is missing.",
};
