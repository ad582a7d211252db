/** A cache, a server on a clock that is moved by hand, and resources of any type made of a name and a few words. */
import { createTestClock, type TestClock } from "@legation/runtime/testing";
import { createResourceCache, type ResourceCache } from "../cache.js";
import type { XdsEvent } from "../event.js";
import type { XdsServerOptions } from "../options.js";
import { contentVersion, type Resource } from "../resource.js";
import { createXdsServer, type XdsServer } from "../server.js";
import { stringField } from "../wire.js";

/** What a test acts on. */
export interface Scene {
  readonly cache: ResourceCache;
  readonly server: XdsServer;
  readonly clock: TestClock;
  readonly events: XdsEvent[];
}

/** A server over one layer, `all`, that every node sees; it exists and is empty. */
export function createScene(options: Partial<XdsServerOptions> = {}): Scene {
  const cache = createResourceCache();
  cache.replace("all", []);
  const clock = createTestClock();
  const events: XdsEvent[] = [];
  const server = createXdsServer({
    cache,
    view: () => ({ layers: ["all"] }),
    onEvent: (event) => events.push(event),
    clock,
    random: () => 0,
    coalescing: { perStream: 0 },
    ...options,
  });
  return { cache, server, clock, events };
}

/** A resource whose content is `content`; it is a message whose first field is a string. */
export function resource(typeUrl: string, name: string, content = name): Resource {
  const bytes = stringField(1, content);
  return { typeUrl, name, version: contentVersion(bytes), bytes };
}
