/** Laravel publishes over a Unix socket with its stock driver, as `pogo:install --socket` sets it up. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startChild } from "../../sidecar/testing/child.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { openEchoPage, subscribed } from "./support/echo-page.ts";
import { inbox } from "./support/inbox.ts";
import { copyLaravel, laravelReleases } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { broadcast, startStack } from "./support/stack.ts";

for (const release of laravelReleases) {
  const title = `A14: Laravel ${release.major} publishes over a Unix socket, where nothing else is served`;
  test(title, { skip: needsLaravel(release) }, async (t) => {
    const folder = await copyLaravel(t);
    const run = await mkdtemp(join(tmpdir(), "pogo-"));
    t.after(() => rm(run, { recursive: true, force: true }));
    const socket = join(run, "api.sock");
    const args = ["artisan", "pogo:install", `--socket=${socket}`, "--no-interaction"];
    const env = { COMPOSER_VENDOR_DIR: release.vendorFolder };
    const install = startChild(release.php, args, { cwd: folder, env });
    assert.equal((await install.exited).code, 0, install.lines.join("\n"));
    const written = await readFile(join(folder, ".env"), "utf8");
    assert.ok(written.includes(`POGO_API_SOCKET=${socket}\n`));

    const stack = await startStack(
      { POGO_API_SOCKET: socket, POGO_API_ONLY_ON_SOCKET: "true" },
      // Nobody listens there: what is published over TCP fails.
      { release, folder, env: { REVERB_PORT: String(await freePort()) } },
    );
    const { url } = stack.sidecar;
    const visitor = await stack.visitor(1);
    const page = openEchoPage({ url, key: stack.app.key, visitor });
    t.after(async () => {
      page.leave();
      await stack.stop();
    });
    const texts = inbox<{ text: string }>("MessageSent on orders.1");
    await subscribed(page.echo.private("orders.1").listen("MessageSent", texts.take));
    await broadcast(visitor, { kind: "private", channel: "orders.1", text: "no TCP" });
    assert.deepEqual(await texts.next(), { text: "no TCP" });
  });
}
