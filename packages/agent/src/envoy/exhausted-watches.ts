/** Why an Envoy with a certificate ends at its start on a machine with many of them, and what helps: it cannot watch its files. */

/** What Envoy 1.40 takes of `fs.inotify.max_user_instances` with mutual TLS to its control plane: for each of its two secrets twice (the file, and what it names) there, and once for its listeners. */
const watchesOfEnvoy = 6;

/** The trouble and its fix, where a line of Envoy's output tells of it; Envoy aborts behind that line. */
export function exhaustedWatches(line: string): string | undefined {
  if (!line.includes("inotify_fd_ >= 0")) return undefined;
  return (
    `Envoy cannot watch its certificate and ends: this user's processes have all inotify instances that the kernel allows, of which each Envoy ` +
    `with a certificate takes up to ${watchesOfEnvoy}. Raise the limit: sysctl -w fs.inotify.max_user_instances=1024, and in /etc/sysctl.d for the next boot`
  );
}
