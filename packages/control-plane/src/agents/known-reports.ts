/** The last report of every agent, at whichever control plane, as a map. */

/** The agents' reports at all control planes. */
export interface ReportBook<Report> {
  /** Asks the others; resolves to those that were silent, each with the reason. */
  refresh(): Promise<readonly string[]>;
  /** By instance, as of the last `refresh`. */
  keys(): Iterable<string>;
  of(instance: string): Report | undefined;
}

/** All reports after the others have been asked, by instance, and those control planes that did not answer. */
export async function knownReports<Report>(
  book: ReportBook<Report>,
): Promise<{ readonly reports: ReadonlyMap<string, Report>; readonly silent: readonly string[] }> {
  const silent = await book.refresh();
  const reports = new Map<string, Report>();
  for (const key of book.keys()) {
    const report = book.of(key);
    if (report) reports.set(key, report);
  }
  return { reports, silent };
}
