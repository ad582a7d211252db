import { expect, it } from "vitest";
import { exhaustedWatches } from "./exhausted-watches.js";

it("is seen in what Envoy says before it aborts, and in nothing else", () => {
  const line =
    "[2024-01-01 11:53:04.362][13358][critical][assert] [source/common/filesystem/inotify/watcher_impl.cc:25] assert failure: inotify_fd_ >= 0. Details: Consider increasing value of fs.inotify.max_user_watches and/or fs.inotify.max_user_instances via sysctl";
  expect(exhaustedWatches(line)).toContain("sysctl -w fs.inotify.max_user_instances=1024");
  for (const other of ["Aborted", "assert failure: false", "cannot open /etc/inotify"]) expect(exhaustedWatches(other)).toBeUndefined();
});
