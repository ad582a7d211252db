/** The words of the ledger, which control planes, the API and the command line share. */

/** What changes: who is there, how they are, what operators wrote, who may call whom, whose certificates count. */
export const changeKinds = ["registry", "health", "policy", "intention", "certificate"] as const;

/** One of them. */
export type ChangeKind = (typeof changeKinds)[number];

/**
 * What became of a change. `waiting`: proxies that it concerns have not answered, or a control plane has yet to see it; `acknowledged`: all
 * that it concerns have it; `refused`: one or more did not take it; `overtaken`: a later change of the same resources went out in its place;
 * `nothing-to-send`: no resource of a connected proxy is other than before; `abandoned`: the wait for some was given up; `unknown`: a control
 * plane is silent, whose proxies may be without it.
 */
export const changeOutcomes = ["waiting", "acknowledged", "refused", "overtaken", "nothing-to-send", "abandoned", "unknown"] as const;

/** One of them. */
export type ChangeOutcome = (typeof changeOutcomes)[number];
