/** The mesh's events at two control planes: faults are told once, and a reader whose control plane is killed goes on at the other one without a loss. */
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { type ControlPlaneProcess, startControlPlane, until } from "@legation/local";
import { afterAll, describe, expect, it } from "vitest";
import { limitMs, passing, useMesh } from "./fixture.js";

interface Event {
  readonly id: string;
  readonly type: string;
  readonly service?: string;
  readonly instance?: string;
  readonly text: string;
  readonly details: { readonly to?: string };
}

interface List {
  readonly events: readonly Event[];
  readonly silent: readonly string[];
}

/** Without certificates, which are not the subject. */
const plain = { config: { identity: { certificates: "off" } } };

/** A reader of the stream of one control plane, behind a place. */
function follow(plane: ControlPlaneProcess, place?: string) {
  const events: Event[] = [];
  const gaps: string[] = [];
  const asked: { request?: ClientRequest } = {};
  let last = place ?? "";
  let ended = false;
  let rest = "";
  const take = (block: string) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
    last = field("id") ?? last;
    const data = field("data");
    if (data === undefined) return;
    if (field("event") === "gap") gaps.push(data);
    else events.push(JSON.parse(data) as Event);
  };
  const headers = { accept: "text/event-stream", ...(place === undefined ? {} : { "last-event-id": place }) };
  asked.request = get(`${plane.api}/api/events`, { headers, agent: false }, (response: IncomingMessage) => {
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) take(block);
    });
    response.once("close", () => {
      ended = true;
    });
    response.on("error", () => undefined);
  });
  asked.request.on("error", () => undefined);
  return { events, gaps, last: () => last, ended: () => ended, end: () => asked.request?.destroy() };
}

describe("the mesh's events", () => {
  const readers: ReturnType<typeof follow>[] = [];
  const open = (...asked: Parameters<typeof follow>) => {
    const reader = follow(...asked);
    readers.push(reader);
    return reader;
  };
  afterAll(() => {
    for (const reader of readers) reader.end();
  });

  const state = useMesh({}, async (mesh) => {
    const { sandbox, consul } = mesh;
    const two = await startControlPlane(sandbox, { consul: consul.url, name: "two" });
    const start = (id: string) => mesh.startService({ name: "orders", id, controlPlanes: [mesh.controlPlane, two], ...plain });
    return { one: mesh.controlPlane, two, first: await start("orders-1"), second: await start("orders-2") };
  });
  const named = ({ type, instance = "", details }: Event) =>
    [type, instance.replace(/.*\//, ""), details.to ?? ""].filter(Boolean).join(" ");

  it("tell a crash once, and nothing is lost when the reader's control plane is killed in the midst of it", async () => {
    const { mesh, one, two, first, second } = state();
    for (const plane of [one, two])
      await until(
        async () => {
          const { events, silent } = await plane.get<List>("/api/events?type=agent&limit=1000");
          return silent.length === 0 && new Set(events.map(({ instance }) => instance)).size === 2;
        },
        { what: "both control planes to have heard of both agents", limitMs },
      );
    const before = open(one);
    await until(() => before.last() !== "", { what: "the reader's place", limitMs });
    const begun = before.last();
    await first.kill9("app");
    await until(() => before.events.some(({ type }) => type === "instance.restarted"), { what: "the restart", limitMs });
    // It goes on while the control plane is killed.
    const leaving = second.stop();
    await until(() => before.events.some((event) => event.service === "orders" && event.instance?.endsWith("/orders-2")), {
      what: "the first event of the other one",
      limitMs,
    });
    await one.kill9();
    await until(() => before.ended(), { what: "the end of the stream", limitMs });
    const after = open(two, before.last());
    await leaving;
    await until(() => passing(mesh, "orders", first.id), { what: "orders-1 to pass again", limitMs });
    const gone = (events: readonly Event[]) => events.some((event) => named(event) === "instance.deregistered orders-2");
    await until(() => gone([...before.events, ...after.events]), { what: "the end of orders-2", limitMs });
    await until(
      async (note) => {
        const { events } = await two.get<List>(`/api/events?after=${begun}&limit=1000`);
        const read = new Set([...before.events, ...after.events].map(({ id }) => id));
        const missed = events.filter(({ id }) => !read.has(id));
        note(missed);
        return missed.length === 0;
      },
      { what: "the reader to have every event", limitMs },
    );
    expect([...before.gaps, ...after.gaps]).toEqual([]);
    // By their ids, as a reader drops what a killed control plane had not passed on.
    const read = [...new Map([...before.events, ...after.events].map((event) => [event.id, event])).values()];
    const told = read.map(named);
    for (const once of [
      "instance.restarted orders-1",
      "instance.draining orders-2",
      "instance.health-changed orders-2 draining",
      "instance.state-changed orders-2 draining",
      "instance.deregistered orders-2",
    ])
      expect(
        told.filter((one) => one === once),
        JSON.stringify(told),
      ).toHaveLength(1);
    expect(told.filter((one) => one.startsWith("service."))).toEqual([]);
  });

  it("are the same at both when the killed one is back", async () => {
    const { one, two } = state();
    await one.restart();
    const about = async (plane: ControlPlaneProcess) => {
      const { events } = await plane.get<List>("/api/events?service=orders&limit=1000");
      return events.map(({ id }) => id).sort();
    };
    await until(
      async (note) => {
        const both = await Promise.all([one, two].map(about));
        note(both.map(({ length }) => length));
        return both[0]?.join() === both[1]?.join();
      },
      { what: "both control planes to list the same events", limitMs },
    );
    const { events, silent } = await one.get<List>("/api/events?service=orders&limit=1000");
    expect(silent).toEqual([]);
    expect(events.map(named)).toContain("instance.restarted orders-1");
  });
});
