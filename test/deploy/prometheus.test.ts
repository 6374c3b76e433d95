/** A real Prometheus scrapes a real sidecar: what the dashboard asks has answers, and an alert fires. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { stringify } from "yaml";
import { alertGroups } from "../../scripts/alerts/alerts.ts";
import { sections } from "../../scripts/dashboard/panels.ts";
import { startChild } from "../../sidecar/testing/child.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { commandPath, lacking } from "../../sidecar/testing/needs.ts";
import { freePort } from "../../sidecar/testing/ports.ts";
import { connectClient } from "../kit/client.ts";
import { readQuestion, signedAnswer, startApp, startSidecar } from "../kit/start.ts";

const needsPrometheus = commandPath("prometheus") === undefined && lacking("Prometheus");

/** Each alert as its row has it, but at once. */
const rules = {
  groups: alertGroups.map(({ name, alerts }) => ({
    name,
    rules: alerts.map((alert) => ({ alert: alert.name, expr: alert.expr })),
  })),
};

interface Answer {
  readonly status: string;
  readonly data: { readonly result: readonly unknown[] };
}

async function startPrometheus(test: TestContext, adminUrl: string) {
  const folder = mkdtempSync(join(tmpdir(), "prometheus-"));
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: ["rules.yaml"],
    scrape_configs: [{ job_name: "pogo", static_configs: [{ targets: [new URL(adminUrl).host] }] }],
  };
  writeFileSync(join(folder, "prometheus.yaml"), stringify(config));
  writeFileSync(join(folder, "rules.yaml"), stringify(rules));
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = startChild(
    "prometheus",
    [
      "--config.file=prometheus.yaml",
      "--storage.tsdb.path=data",
      `--web.listen-address=${new URL(url).host}`,
    ],
    { cwd: folder, env: {} },
  );
  test.after(async () => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The series that an expression has now. */
  async function query(expr: string): Promise<readonly unknown[]> {
    const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expr })}`);
    const { status, data }: Answer = Object(await response.json());
    assert.equal(status, "success", expr);
    return data.result;
  }
  return { query };
}

/** As Grafana puts in what is chosen. */
function asked(expr: string): string {
  return expr.replaceAll("$__rate_interval", "10s").replaceAll(/\$(job|instance|app)\b/g, ".*");
}

describe("a real Prometheus", { skip: needsPrometheus }, () => {
  it("has an answer for every panel of a node on its own, but for those of Redis", async (test) => {
    const upstream = await startApp(test, async (req, res) => {
      const { socket_id, channel_name } = await readQuestion(req);
      res.end(JSON.stringify(signedAnswer(socket_id, channel_name)));
    });
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: upstream });
    async function use(): Promise<void> {
      const client = await connectClient(test, sidecar.port);
      await client.subscribe("private-x");
      await sidecar.call("events", { body: { name: "e", channel: "private-x", data: "{}" } });
      await (await fetch(`${sidecar.url}/page`)).text();
    }
    // Before a scrape and after it, so that it is a rate.
    await use();
    const { query } = await startPrometheus(test, sidecar.adminUrl);
    await until("a first scrape", async () => (await query("pogo_build_info")).length === 1);
    await use();
    const counted = "sum(rate(pogo_proxy_requests_total[10s])) > 0";
    await until("a later scrape", async () => (await query(counted)).length === 1);

    const silent: string[] = [];
    for (const { title, targets } of sections.flatMap(({ panels }) => panels)) {
      const answers = await Promise.all(targets.map(({ expr }) => query(asked(expr))));
      if (answers.every((series) => series.length === 0)) silent.push(title);
    }
    assert.deepEqual(silent, ["Redis reachable", "Errors sent, by reason", "Nodes seen"]);
    assert.deepEqual(await query('ALERTS{alertname!="PogoGone"}'), []);
  });

  it("fires an alert for an app that is away, with whose it is", async (test) => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: nobody, POGO_UPSTREAM_WAIT: "0" });
    await fetch(sidecar.url);
    const { query } = await startPrometheus(test, sidecar.adminUrl);
    // Before the first scrape all are gone.
    const firing = 'ALERTS{alertstate="firing", alertname!="PogoGone"}';
    const fired = await until("an alert", async () => {
      const alerts = await query(firing);
      return alerts.length > 0 && alerts;
    });
    const { host: instance } = new URL(sidecar.adminUrl);
    assert.deepEqual(
      fired.map((series) => Object(series).metric),
      [
        {
          __name__: "ALERTS",
          alertname: "PogoAppAway",
          alertstate: "firing",
          instance,
          job: "pogo",
        },
      ],
    );
  });
});
