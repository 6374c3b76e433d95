import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it, type TestContext } from "node:test";
import type { Report, SidecarEvent } from "../core/report.ts";
import { waitFor } from "../testing/eventually.ts";
import { exchangeRaw, listen } from "../testing/raw-http.ts";
import { requestOf } from "../testing/raw-upstream.ts";
import { AccessLog, loggedPath, type AccessLogOptions } from "./access-log.ts";
import { recordPeers } from "./peer.ts";
import { RequestContext } from "./request-context.ts";

type Line = SidecarEvent<"request_finished">;

/** A server whose answers have the status in the path; below `/app` they are the app's. */
async function startLogged(
  t: TestContext,
  { isDebugged = false, ...options }: Partial<AccessLogOptions> & { isDebugged?: boolean },
) {
  const lines: Line[] = [];
  const take = (event: SidecarEvent): void => {
    if (event.kind === "request_finished") lines.push(event);
  };
  const report: Report = Object.assign(take, isDebugged && { details: take });
  const log = new AccessLog({
    mode: "all",
    report,
    clientIp: ({ remoteAddress }) => remoteAddress,
    upstream: "127.0.0.1:8000",
    ...options,
  });
  const server = createServer((req, res) => {
    const context = new RequestContext(req, "r-1", log);
    const [, who, status] = (req.url ?? "").split(/[/?]/);
    if (who !== "app") return context.answer(res, { status: Number(status), text: "sorry" });
    context.forward();
    context.relay();
    res.once("close", () => context.finish(res.statusCode));
    res.writeHead(Number(status), { "Content-Length": 2 }).end("ok");
  });
  recordPeers(server);
  const port = await listen(t, server);
  const ask = (path: string) => exchangeRaw(t, port, requestOf("GET", path, ["Connection: close"]));
  const levels = async (paths: readonly string[]) => {
    for (const path of paths) await ask(path);
    return lines.map(({ level, path }) => `${level} ${path}`);
  };
  return { lines, ask, levels, server };
}

const paths = ["/app/200", "/app/403", "/app/500", "/own/200", "/own/404", "/own/503"];

describe("access log", () => {
  it("errors: what was refused here, and 500 and above of anybody; a user's own no is none", async (t) => {
    const { levels } = await startLogged(t, { mode: "errors" });
    assert.deepEqual(await levels(paths), ["info /app/500", "info /own/404", "info /own/503"]);
  });

  it("all: every request", async (t) => {
    const { levels } = await startLogged(t, { mode: "all" });
    assert.deepEqual(
      await levels(paths),
      paths.map((path) => `info ${path}`),
    );
  });

  it("off: none", async (t) => {
    const { levels } = await startLogged(t, { mode: "off" });
    assert.deepEqual(await levels(paths), []);
  });

  it("lines that it leaves out are there at debug", async (t) => {
    const { levels } = await startLogged(t, { mode: "errors", isDebugged: true });
    assert.deepEqual(await levels(["/app/200", "/own/404"]), ["debug /app/200", "info /own/404"]);
  });

  it("a line says who asked what of whom, without the query, and what it took", async (t) => {
    const { ask, lines } = await startLogged(t, {});
    const answer = await ask("/app/200?auth_signature=hunter2");
    await waitFor(() => lines.length === 1);
    const [line] = lines;
    assert.ok(line);
    const { firstByteMs, durationMs, ...others } = line;
    assert.ok(firstByteMs !== null && durationMs !== null && firstByteMs <= durationMs);
    assert.deepEqual(others, {
      kind: "request_finished",
      level: "info",
      id: "r-1",
      method: "GET",
      path: "/app/200",
      status: 200,
      bytes: answer.length,
      client: "127.0.0.1",
      upstream: "127.0.0.1:8000",
      traceId: null,
      suppressed: 0,
    });
  });

  it("a flood of refused requests logs 20, then one a second, and the next line says how many were left out", async (t) => {
    t.mock.method(performance, "now", () => nowMs);
    let nowMs = 0;
    const { ask, lines } = await startLogged(t, { mode: "errors" });
    for (let i = 0; i < 30; i++) await ask("/own/404");
    assert.equal(lines.length, 20);
    nowMs = 1_000;
    await ask("/own/404");
    assert.equal(lines.at(-1)?.suppressed, 10);
  });

  it("a path is cut, and nothing in it can move a terminal's cursor", () => {
    assert.equal(loggedPath("/a\u009b2J\u001b[H b?c"), "/a?2J?[H?b");
    assert.equal(loggedPath("http://user:hunter2@host/x?y"), "http://host/x");
    assert.equal(loggedPath(`/${"a".repeat(1_000)}`).length, 256);
  });

  it("a request that could not be read has a line too", async (t) => {
    const { server, lines } = await startLogged(t, {});
    const log = new AccessLog({
      mode: "errors",
      report: (event) => event.kind === "request_finished" && lines.push(event),
      clientIp: ({ remoteAddress }) => remoteAddress,
      upstream: null,
    });
    server.on("clientError", (_error, socket) => {
      log.writeUnread(socket, 400);
      socket.destroy();
    });
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    await exchangeRaw(t, port, "garbage\r\n\r\n");
    const [{ method, status, client } = { method: "", status: 0, client: "" }] = lines;
    assert.deepEqual(
      { method, status, client },
      { method: null, status: 400, client: "127.0.0.1" },
    );
  });
});
