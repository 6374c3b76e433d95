/** Caddy in front, by deploy/compose and by docs/recipes.md: what the sidecar believes it is what it says itself. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { needsCommands } from "../e2e/support/needs.ts";
import { repository } from "../kit/process.ts";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import { freePort } from "../../sidecar/testing/ports.ts";

const read = (path: string): string => readFileSync(join(repository, path), "utf8");
const [, recipe = ""] = /^```caddyfile\n(.*?)^```/ms.exec(read("docs/recipes.md")) ?? [];

/** `{port}` is Caddy's own, `{sidecar}` that of what stands behind it. */
const configurations: Readonly<Record<string, (sidecar: string) => string>> = {
  "deploy/compose/Caddyfile": (sidecar) =>
    replaced(read("deploy/compose/Caddyfile"), [
      [/dynamic a sidecars 8080 \{[^}]*\}/, `to ${sidecar}`],
      [/^http:\/\/127\.0\.0\.1:2020 \{[^}]*\}/m, ""],
    ]),
  "docs/recipes.md": (sidecar) =>
    replaced(recipe, [
      [/admin \S+/, "admin off"],
      [/^app\.example\.com/m, "{$SITE}"],
      [/127\.0\.0\.1:8080/, sidecar],
    ]),
};

for (const [file, configure] of Object.entries(configurations)) {
  test(
    `${file}: a client's own X-Forwarded-* end at Caddy`,
    { skip: needsCommands("caddy") },
    async (t) => {
      const seen: IncomingHttpHeaders[] = [];
      const sidecar = createServer((request, response) => {
        seen.push(request.headers);
        response.end();
      }).listen(0, "127.0.0.1");
      t.after(() => sidecar.close());
      const folder = mkdtempSync(join(tmpdir(), "caddy-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const path = join(folder, "Caddyfile");
      // Listening is done: the address is there with the next turn.
      await new Promise((resolve) => setImmediate(resolve));
      const { port } = sidecar.address() as AddressInfo;
      writeFileSync(path, configure(`127.0.0.1:${port}`));
      const url = `http://127.0.0.1:${await freePort()}`;
      const env = { SITE: url, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
      const caddy = startChild("caddy", ["run", "--config", path], { cwd: folder, env });
      t.after(() => caddy.stop());
      await waitUntilUp(caddy, async () => (await fetch(url)).ok);

      const names = ["for", "proto", "host", "port", "prefix"];
      const made = Object.fromEntries(names.map((name) => [`x-forwarded-${name}`, "198.51.100.7"]));
      await fetch(url, { headers: made });
      const { "x-forwarded-for": chain, ...fields } = seen.at(-1) ?? {};
      assert.match(String(chain), /(^|, )127\.0\.0\.1$/);
      const passed = names.slice(1).map((name) => fields[`x-forwarded-${name}`]);
      assert.deepEqual(passed, ["http", new URL(url).host, undefined, undefined]);
    },
  );
}

function replaced(text: string, changes: readonly (readonly [RegExp, string])[]): string {
  return changes.reduce((changed, [from, to]) => {
    assert.match(changed, from);
    return changed.replace(from, to);
  }, text);
}
