/** deploy/compose/Caddyfile in a real Caddy, before two sidecars: both are used, and one that goes is not missed. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startChild } from "../../sidecar/testing/child.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { commandPath, lacking } from "../../sidecar/testing/needs.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { openClient } from "../kit/client.ts";
import { app, startApp, startSidecar } from "../kit/start.ts";
import { startNameServer } from "./name-server.ts";

const needsCaddy = commandPath("caddy") === undefined && lacking("Caddy");
const caddyfile = readFileSync(new URL("../../deploy/compose/Caddyfile", import.meta.url), "utf8");

/** With the ports of this machine, and the name from a name server of the test. */
async function startCaddy(
  test: TestContext,
  { sidecarPort, nameServerPort }: { sidecarPort: number; nameServerPort: number },
): Promise<string> {
  const port = await freePort();
  const text = caddyfile
    .replace(
      "sidecars 8080 {",
      `sidecars ${sidecarPort} {\n resolvers udp/127.0.0.1:${nameServerPort}`,
    )
    .replace(":2020", `:${await freePort()}`);
  const folder = mkdtempSync(join(tmpdir(), "caddy-"));
  writeFileSync(join(folder, "Caddyfile"), text);
  const child = startChild("caddy", ["run", "--config", "Caddyfile"], {
    cwd: folder,
    env: { SITE: `:${port}`, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  test.after(async () => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await until("Caddy", async () => (await fetch(`${url}/up`)).status === 200);
  return url;
}

test(
  "Caddy shares out what comes, passes WebSockets, and says who the client is",
  { skip: needsCaddy },
  async (test) => {
    const seen: (string | undefined)[] = [];
    const upstream = await startApp(test, (req, res) => {
      seen.push(req.headers["x-forwarded-for"]?.toString());
      res.end("page");
    });
    const port = await freePort();
    const env = {
      POGO_UPSTREAM: upstream,
      POGO_PORT: String(port),
      POGO_TRUSTED_PROXIES: "127.0.0.0/8",
    };
    const addresses = ["127.0.0.1", "127.0.0.2"];
    const nodes = await Promise.all(
      addresses.map((address) => startSidecar(test, { ...env, POGO_HOST: address })),
    );
    const nameServerPort = await startNameServer(test, () => addresses);
    const url = await startCaddy(test, { sidecarPort: port, nameServerPort });

    const { host } = new URL(url);
    const clients = Array.from({ length: 4 }, () =>
      openClient(test, `ws://${host}/app/${app.key}`),
    );
    for (const client of clients) await client.next("pusher:connection_established");
    const open = nodes.map((node) => node.sum("pogo_websocket_connections_active"));
    assert.deepEqual(await Promise.all(open), [2, 2]);
    const forged = { "X-Forwarded-For": "198.51.100.7" };
    await (await fetch(url, { headers: forged })).text();
    assert.match(seen.at(-1) ?? "", /^127\.0\.0\.1, 127\.0\.0\.1$/);

    await nodes[1]?.stop();
    for (let n = 0; n < 10; n += 1) {
      const page = await fetch(`${url}/${n}`);
      assert.deepEqual([page.status, await page.text()], [200, "page"]);
    }
  },
);
