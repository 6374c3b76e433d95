/** Holds the units of deploy/systemd against systemd itself and against the sidecar's own options and limits. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { parseEnv } from "node:util";
import { startChild, waitUntilUp } from "../../sidecar/testing/child.ts";
import { commandPath, lacking } from "../../sidecar/testing/needs.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { repository } from "../kit/process.ts";
import { seconds } from "./documents.ts";
import { environmentFaults, sidecarFacts } from "./sidecar-facts.ts";

const folder = join(import.meta.dirname, "../../deploy/systemd");
const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const [service, socket] = [read("pogo-sidecar.service"), read("pogo-sidecar.socket")];
const environment = read("pogo-sidecar.env");
const facts = await sidecarFacts();
const credentials = { REVERB_APP_ID: "1", REVERB_APP_KEY: "key", REVERB_APP_SECRET: "secret" };

/** The last value of a setting; empty where there is none. */
function setting(unit: string, name: string): string {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].at(-1)?.[1] ?? "";
}

describe("D14: the systemd units", () => {
  it("listen on the sidecar's port, and give it the files, the time and the end that it needs", () => {
    assert.equal(Number(setting(socket, "ListenStream")), facts.port);
    assert.equal(setting(service, "Requires"), "pogo-sidecar.socket");
    assert.ok(seconds(setting(service, "TimeoutStopSec")) > facts.shutdownTimeoutSeconds + 1.5);
    assert.ok(Number(setting(service, "LimitNOFILE")) > 2 * facts.maxConnections);
  });

  it("do not start again what can't start: the exit code of a configuration with errors", () => {
    const { status } = spawnSync(process.execPath, ["sidecar/main.ts"], {
      cwd: repository,
      env: { ...credentials, POGO_PORT: "x" },
    });
    assert.equal(status, Number(setting(service, "RestartPreventExitStatus")));
  });

  it("have an environment file without faults, also with what it has commented out", () => {
    const all = environment.replaceAll(/^# (?=POGO_\w+=)/gm, "");
    for (const content of [environment, all]) {
      assert.deepEqual(environmentFaults({ ...credentials, ...parseEnv(content) }), []);
    }
    assert.ok(setting(service, "EnvironmentFile").endsWith("/etc/default/pogo-sidecar"));
    const runtime = `/run/${setting(service, "RuntimeDirectory")}/`;
    assert.ok(parseEnv(all)["POGO_API_SOCKET"]?.startsWith(runtime));
    assert.equal(
      parseEnv(all)["POGO_RECOVERY_STATE_DIR"],
      `/var/lib/${setting(service, "StateDirectory")}`,
    );
  });

  const analyze = commandPath("systemd-analyze");
  const skip = analyze === undefined && lacking("systemd-analyze");

  it(
    "are understood by systemd: no setting is unknown or has a value that it does not take",
    { skip },
    (t) => {
      const units = mkdtempSync(join(tmpdir(), "units-"));
      t.after(() => rmSync(units, { recursive: true }));
      const verify = (unit: string): string => {
        writeFileSync(join(units, "pogo-sidecar.service"), unit);
        writeFileSync(join(units, "pogo-sidecar.socket"), socket);
        const files = ["service", "socket"].map((kind) => join(units, `pogo-sidecar.${kind}`));
        return spawnSync(
          "systemd-analyze",
          ["verify", "--man=no", "--recursive-errors=no", ...files],
          {
            encoding: "utf8",
          },
        ).stderr;
      };
      assert.equal(verify(service), "");
      assert.match(verify(service.replace("ProtectClock", "ProtectClok")), /ProtectClok/);
      assert.match(
        verify(service.replace("TimeoutStopSec=15s", "TimeoutStopSec=x")),
        /parse time value/,
      );
    },
  );

  it(
    "leave a process that is taken over little: systemd's own exposure is at most 2.5 of 10",
    { skip },
    () => {
      const { stdout, stderr, status } = spawnSync(
        "systemd-analyze",
        ["security", "--offline=yes", "--threshold=25", join(folder, "pogo-sidecar.service")],
        { encoding: "utf8" },
      );
      assert.equal(status, 0, stdout + stderr);
    },
  );

  const activate = commandPath("systemd-socket-activate");

  it(
    "a connection that comes before the process is answered by it, on the socket that systemd opened",
    { skip: activate === undefined && lacking("systemd-socket-activate") },
    async (t) => {
      const [port, other, admin] = [await freePort(), await freePort(), await freePort()];
      const env = {
        ...credentials,
        POGO_UPSTREAM: "none",
        // Not read: the socket is there already.
        POGO_PORT: String(other),
        POGO_ADMIN_PORT: String(admin),
      };
      const passed = Object.keys(env).map((name) => `--setenv=${name}`);
      const child = startChild(
        activate ?? "",
        [`--listen=127.0.0.1:${port}`, ...passed, process.execPath, "sidecar/main.ts"],
        { cwd: repository, env },
      );
      t.after(() => child.stop());
      await waitUntilUp(child, async () =>
        child.lines.some((line) => line.includes("Listening on")),
      );
      const early = connect(port, "127.0.0.1");
      early.write("GET /up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      assert.match(await text(early), /^HTTP\/1\.1 200 .*"health"/s);
      await assert.rejects(fetch(`http://127.0.0.1:${other}/up`));
    },
  );
});
