/** Holds the alerts and the dashboard against the metrics that there are, and has Prometheus' promtool try them. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parse, stringify } from "yaml";
import { alerts } from "../../scripts/alerts/alerts.ts";
import {
  renderAlertsDocs,
  renderPrometheusRule,
  renderRules,
} from "../../scripts/alerts/render.ts";
import { renderDashboard } from "../../scripts/dashboard/render.ts";
import { anchorOf } from "../../scripts/markdown.ts";
import { calm, fires, lookedAtMinute, type Series } from "./alert-cases.ts";
import { at, entries, list } from "./documents.ts";
import { labelsOf, metricLabels, unknownIn } from "./metric-facts.ts";
import { namesIn } from "./promql.ts";
import { needsPromtool, runPromtool } from "./promtool.ts";
import { startSidecar } from "../kit/start.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const folder = "deploy/k8s/components/monitoring";
const rulesText = read(`${folder}/rules.yaml`);
const known = await metricLabels();

const rules = list(at(parse(rulesText), "groups")).flatMap((group) => list(at(group, "rules")));
const dashboard: unknown = JSON.parse(read(`${folder}/dashboard.json`));
const panels = list(at(dashboard, "panels")).filter((panel) => at(panel, "type") !== "row");
const variables = list(at(dashboard, "templating", "list"));
const targets = panels.flatMap((panel) => list(at(panel, "targets")));

describe("alerts and dashboard", () => {
  const files: readonly (readonly [path: string, render: () => string])[] = [
    ["docs/alerts.md", renderAlertsDocs],
    [`${folder}/rules.yaml`, renderRules],
    [`${folder}/prometheusrule.yaml`, renderPrometheusRule],
    [`${folder}/dashboard.json`, renderDashboard],
  ];
  for (const [path, render] of files) {
    it(`${path} is as it is made`, () => assert.ok(read(path) === render(), "run `npm run docs`"));
  }

  it("the operator's resource has the rules of the file", () => {
    const resource: unknown = parse(read(`${folder}/prometheusrule.yaml`));
    assert.deepEqual(at(resource, "spec"), parse(rulesText));
  });

  for (const rule of rules) {
    const expr = String(at(rule, "expr"));
    it(`${String(at(rule, "alert"))} names only metrics, labels and values that there are`, () => {
      assert.deepEqual(unknownIn(expr, known), []);
      const annotations = entries(at(rule, "annotations")).map(([, text]) => String(text));
      const shown = annotations.join().matchAll(/\$labels\.(\w+)/g);
      const labels = labelsOf(namesIn(expr), known);
      assert.deepEqual(
        [...shown].filter(([, label = ""]) => !labels.has(label)),
        [],
      );
    });
  }

  it("docs/operations.md lists them all, in their order", () => {
    const listed = [...read("docs/operations.md").matchAll(/^\| \[(Pogo\w+)\]\(alerts\.md#/gm)];
    assert.deepEqual(
      listed.map(([, name]) => name),
      alerts.map(({ name }) => name),
    );
  });

  it("each alert says what to do next, and links to its section", () => {
    const page = read("docs/alerts.md");
    for (const rule of rules) {
      const [name, next, link] = [
        at(rule, "alert"),
        at(rule, "annotations", "description"),
        at(rule, "annotations", "runbook_url"),
      ].map(String);
      assert.match(next ?? "", /^[A-Z].*[.?]$/);
      assert.ok(page.includes(`### ${name}\n`), name);
      assert.ok(link?.endsWith(`/docs/alerts.md#${anchorOf(name ?? "")}`), link);
    }
  });

  for (const panel of panels) {
    it(`panel “${String(at(panel, "title"))}” asks only for what there is`, () => {
      assert.match(String(at(panel, "description")), /\w/);
      for (const target of list(at(panel, "targets"))) {
        const expr = String(at(target, "expr"));
        assert.deepEqual(unknownIn(expr, known), []);
        const legend = String(at(target, "legendFormat")).matchAll(/\{\{(\w+)\}\}/g);
        const { groupedBy } = namesIn(expr);
        assert.deepEqual(
          [...legend].filter(([, label = ""]) => !groupedBy.includes(label)),
          [],
        );
      }
    });
  }

  it("every variable is there, and lists a label that is there", () => {
    const names = new Set(variables.map((variable) => String(at(variable, "name"))));
    const used = JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g);
    assert.deepEqual(
      [...used].filter(([, name = ""]) => !names.has(name) && !isBuiltIn(name)),
      [],
    );
    for (const variable of variables) {
      const query = String(at(variable, "query", "query"));
      if (!query.startsWith("label_values")) continue;
      const [, selected = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
      assert.deepEqual(unknownIn(selected, known), []);
      assert.ok(labelsOf(namesIn(selected), known).has(label), query);
    }
  });

  it("panels lie beside each other", () => {
    const taken = new Set<string>();
    for (const panel of list(at(dashboard, "panels"))) {
      const [x, y, w, h] = ["x", "y", "w", "h"].map((side) => Number(at(panel, "gridPos", side)));
      for (let column = x ?? 0; column < (x ?? 0) + (w ?? 0); column += 1) {
        for (let row = y ?? 0; row < (y ?? 0) + (h ?? 0); row += 1) {
          assert.ok(column < 24 && !taken.has(`${column} ${row}`), String(at(panel, "title")));
          taken.add(`${column} ${row}`);
        }
      }
    }
  });

  it("every metric is on the dashboard or in an alert, or is left out on purpose", () => {
    const exprs = [...rules, ...targets].map((each) => String(at(each, "expr")));
    const used = new Set(
      exprs.flatMap((expr) => namesIn(expr).selectors.map(({ metric }) => metric)),
    );
    const unused = [...known.keys()].filter(
      (name) => name.startsWith("pogo_") && !/_(bucket|sum|count)$/.test(name) && !used.has(name),
    );
    assert.deepEqual(
      unused.filter((name) => !known.has(`${name}_bucket`)).toSorted(),
      leftOut.toSorted(),
    );
  });
});

/** What is looked at when something else has shown where to look. */
const leftOut: readonly string[] = [
  "pogo_api_bodies_refused_total",
  "pogo_api_unverified_body_bytes",
  "pogo_broker_ignored_messages_total",
  "pogo_broker_replayed_messages_total",
  "pogo_http_requests_refused_total",
  "pogo_proxy_tunnels_active",
  "pogo_websocket_broadcasts_total",
  "pogo_websocket_delivery_config",
  "pogo_websocket_recovery_sessions",
  "pogo_websocket_write_failures_total",
  "pogo_workers",
];

describe("a name that is not there is seen", () => {
  const broken: readonly (readonly [expr: string, problem: RegExp])[] = [
    ["rate(pogo_websocket_message_total[5m])", /no metric pogo_websocket_message_total/],
    ['pogo_upstream_up{apps="1"}', /has no label apps/],
    ['pogo_proxy_faults_total{fault=~"no_response|nothing"}', /has no fault nothing/],
    ["sum by (app) (pogo_websocket_connections_active)", /nothing in it has the label app/],
    ["1 > 0", /no metric at all/],
  ];
  for (const [expr, problem] of broken) {
    it(expr, () => assert.match(unknownIn(expr, known).join(), problem));
  }
});

describe("promtool", { skip: needsPromtool }, () => {
  it("check rules: the alerts", () => {
    const checked = runPromtool(["check", "rules", "--lint-fatal", "rules.yaml"], {
      files: { "rules.yaml": rulesText },
    });
    assert.ok(checked.ok, checked.output);
  });

  it("check rules: what the dashboard asks, as rules", () => {
    const exprs = targets.map((target) => String(at(target, "expr")));
    const recorded = exprs.map((expr, index) => ({
      record: `dashboard:panel${index}`,
      expr: expr.replaceAll("$__rate_interval", "5m"),
    }));
    const text = stringify({ groups: [{ name: "dashboard", rules: recorded }] });
    const checked = runPromtool(["check", "rules", "rules.yaml"], {
      files: { "rules.yaml": text },
    });
    assert.ok(checked.ok, checked.output);
  });

  it("check metrics: what a sidecar answers", async (test) => {
    const sidecar = await startSidecar(test, { POGO_HOT_PATH_METRICS: "true" });
    const text = await sidecar.metrics();
    // The others are of prom-client.
    const own = text.split("\n").filter((line) => /^(# \w+ )?pogo_/.test(line));
    const checked = runPromtool(["check", "metrics"], { input: `${own.join("\n")}\n` });
    assert.ok(checked.ok && checked.output === "", checked.output);
  });

  it("test rules: of a node that is well none fires, and each fires for its own reason alone", () => {
    const cases = [["", {}] as const, ...Object.entries(fires)];
    const tests = cases.map(([name, different]) => toTest({ ...calm, ...different }, name));
    const files = {
      "rules.yaml": rulesText,
      "tests.yaml": stringify({ rule_files: ["rules.yaml"], evaluation_interval: "1m", tests }),
    };
    const checked = runPromtool(["test", "rules", "tests.yaml"], { files });
    assert.ok(checked.ok, checked.output);
    assert.deepEqual(Object.keys(fires).toSorted(), alerts.map(({ name }) => name).toSorted());
  });
});

/** @param name the only alert that fires; empty: none does */
function toTest(series: Series, name: string) {
  const fired = [{ labels: `{alertname="${name}"}`, value: 1 }];
  return {
    interval: "1m",
    input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: `${lookedAtMinute}m`,
        exp_samples: name === "" ? [] : fired,
      },
    ],
  };
}

function isBuiltIn(variable: string): boolean {
  return variable.startsWith("__");
}
