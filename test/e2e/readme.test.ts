/** What the README says to type, typed, on machines with other Nodes. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { startChild, waitUntilUp, type Child } from "../../sidecar/testing/child.ts";
import { lacking } from "../../sidecar/testing/needs.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { nodeOf } from "../kit/nodes.ts";
import { repository } from "../kit/process.ts";

const readme = readFileSync(join(repository, "README.md"), "utf8");

for (const version of ["20", "22", "24"]) {
  test(`npm run demo, where the machine has Node ${version}`, async (t) => {
    assert.match(readme, /^npm install && npm run demo$/m);
    const child = npm(t, version, ["run", "demo"], {});
    if (!child) return;
    await waitUntilUp(child, async () => /Open in two tabs/.test(child.lines.join("\n")));
    child.signal("SIGTERM");
    assert.deepEqual(await child.exited, { code: 0, signal: null });
  });

  test(`npm start with the app's .env, where the machine has Node ${version}`, async (t) => {
    assert.ok(readme.includes("`npm start -- --env-file=/path/to/your/app/.env`"));
    const folder = mkdtempSync(join(tmpdir(), "readme-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, ".env");
    writeFileSync(file, "REVERB_APP_ID=1\nREVERB_APP_KEY=key\nREVERB_APP_SECRET=secret\n");
    const [port, adminPort] = [await freePort(), await freePort()];
    const env = { POGO_PORT: String(port), POGO_ADMIN_PORT: String(adminPort) };
    const child = npm(t, version, ["start", "--", `--env-file=${file}`], env);
    if (!child) return;
    await waitUntilUp(
      child,
      async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status === 200,
    );
    child.signal("SIGTERM");
    assert.deepEqual(await child.exited, { code: 0, signal: null });
  });
}

/** Null where this Node can't be had: then the test is skipped. */
function npm(
  t: TestContext,
  version: string,
  args: readonly string[],
  env: Record<string, string>,
): Child | null {
  const node = nodeOf(version);
  if (node === null) {
    t.skip(lacking(`Node ${version} can't be had from npm`));
    return null;
  }
  const path = [dirname(node), process.env["PATH"]].join(delimiter);
  const child = startChild("npm", [...args], { cwd: repository, env: { ...env, PATH: path } });
  t.after(() => child.stop());
  return child;
}
