import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createMergedRoutes } from "./merged-pages.ts";
import type { Answer } from "./messages.ts";

function merge(
  answers: readonly (Answer | null)[],
  { hasStarted = true }: { hasStarted?: boolean } = {},
) {
  const asked: string[] = [];
  const routes = createMergedRoutes({
    ask(path) {
      asked.push(path);
      return Promise.resolve(
        answers.map((answer, index) => ({ worker: index + 1, pid: 101 + index, answer })),
      );
    },
    hasStarted: () => hasStarted,
    mergeMetrics: (exported) =>
      Promise.resolve({
        text: exported.map(({ pid, text }) => `${pid}: ${text}`).join("\n"),
        contentType: "text/x",
      }),
    health: () => ({ version: "1.2.3" }),
    drain: () => ({ status: 202, text: "draining" }),
  });
  return { asked, ...routes };
}

const ok: Answer = { status: 200, text: "ok\n" };
const lost: Answer = { status: 503, text: "not ready: Redis is lost\n" };

describe("the admin port of several workers", () => {
  it("/livez: alive as long as each that listens answers", async () => {
    assert.deepEqual(await merge([ok, ok]).pages["/livez"]?.(), ok);
    assert.deepEqual(await merge([ok, null, null]).pages["/livez"]?.(), {
      status: 503,
      text: "no answer from worker 2, 3\n",
    });
    assert.deepEqual(await merge([]).pages["/livez"]?.(), ok);
  });

  it("/readyz: not before all have listened, then as long as one is ready", async () => {
    const starting = await merge([ok], { hasStarted: false }).pages["/readyz"]?.();
    assert.deepEqual(starting, { status: 503, text: "not ready: starting\n" });
    assert.deepEqual(await merge([lost, ok]).pages["/readyz"]?.(), ok);
    assert.deepEqual(await merge([null, lost]).pages["/readyz"]?.(), lost);
    assert.equal((await merge([null]).pages["/readyz"]?.())?.status, 503);
  });

  it("/pogo/health: the sum of the connections, and each worker by itself", async () => {
    const own = { status: 200, text: '{"status":"ok","version":"1.2.3","connections":3}' };
    const answer = await merge([own, own, null]).pages["/pogo/health"]?.();
    assert.equal(answer?.contentType, "application/json");
    assert.deepEqual(JSON.parse(answer?.text ?? ""), {
      status: "ok",
      version: "1.2.3",
      connections: 6,
      workers: [
        { worker: 1, pid: 101, status: "ok", version: "1.2.3", connections: 3 },
        { worker: 2, pid: 102, status: "ok", version: "1.2.3", connections: 3 },
        { worker: 3, pid: 103, status: "no answer", connections: 0 },
      ],
    });
  });

  it("/metrics: what each exports, with a gap where one does not answer", async () => {
    const { pages } = merge([{ status: 200, text: "a" }, null]);
    assert.deepEqual(await pages["/metrics"]?.(), {
      status: 200,
      text: "101: a\n102: null",
      contentType: "text/x",
    });
  });

  it("/metrics asked by two scrapers at once is one scrape, for a sum is never older than the last one", async () => {
    const { pages, asked } = merge([{ status: 200, text: "a" }]);
    const [one, other] = await Promise.all([pages["/metrics"]?.(), pages["/metrics"]?.()]);
    assert.deepEqual(one, other);
    assert.deepEqual(asked, ["/metrics"]);
    await pages["/metrics"]?.();
    assert.deepEqual(asked, ["/metrics", "/metrics"]);
  });

  it("/hold goes to all, with its time, and their answers are one line where they are the same", async () => {
    const same = merge([
      { status: 200, text: "new requests wait" },
      { status: 200, text: "new requests wait" },
    ]);
    const query = new URLSearchParams("for=30s");
    assert.deepEqual(await same.actions["/hold"]?.(query), {
      status: 200,
      text: "each of 2 workers: new requests wait",
    });
    assert.deepEqual(same.asked, ["/hold?for=30s"]);
    const different = merge([
      { status: 200, text: "1 request waited, and goes on" },
      { status: 200, text: "nothing was held" },
      null,
    ]);
    assert.deepEqual(await different.actions["/release"]?.(new URLSearchParams()), {
      status: 503,
      text: "worker 1: 1 request waited, and goes on\nworker 2: nothing was held\nworker 3: no answer",
    });
    assert.equal((await merge([]).actions["/hold"]?.(query))?.status, 503);
  });

  it("/drain asks nobody: the supervisor stops all", async () => {
    const { actions, asked } = merge([ok]);
    assert.equal((await actions["/drain"]?.(new URLSearchParams()))?.status, 202);
    assert.deepEqual(asked, []);
  });
});
