/** The dashboard as Grafana imports it. */

import type { Description } from "../../sidecar/observability/metric.ts";
import { createMetrics } from "../../sidecar/observability/metrics.ts";
import type { Panel, Section } from "./panel.ts";
import { sections } from "./panels.ts";

export function renderDashboard(): string {
  return `${JSON.stringify(dashboard(sections), null, 2)}\n`;
}

const columns = 24;
const datasource = { type: "prometheus", uid: "${datasource}" };
const sizes = { stat: { w: 4, h: 4 }, timeseries: { w: 8, h: 8 } };

function dashboard(all: readonly Section[]) {
  return {
    uid: "pogo-sidecar",
    title: "Pogo Sidecar",
    description: "Made by `npm run docs` from scripts/dashboard/: changes here are lost.",
    tags: ["pogo-sidecar", "websocket"],
    links: [
      {
        type: "link",
        title: "What the metrics mean",
        url: "https://github.com/pogo-sidecar/pogo-sidecar/blob/main/docs/metrics.md",
        targetBlank: true,
      },
    ],
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    schemaVersion: 39,
    time: { from: "now-3h", to: "now" },
    timezone: "",
    templating: { list: variables },
    panels: place(all),
  };
}

const variables = [
  { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
  variable("job", "Job", "label_values(pogo_build_info, job)"),
  variable("instance", "Node", 'label_values(pogo_build_info{job=~"$job"}, instance)'),
  variable(
    "app",
    "App",
    'label_values(pogo_websocket_connections_active{job=~"$job", instance=~"$instance"}, app_id)',
  ),
];

function variable(name: string, label: string, query: string) {
  return {
    name,
    label,
    type: "query",
    datasource,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    current: { text: "All", value: "$__all" },
  };
}

/** In rows from left to right, each section below its heading. */
function place(all: readonly Section[]) {
  const placed: Record<string, unknown>[] = [];
  let y = 0;
  for (const { title, panels } of all) {
    placed.push({
      id: placed.length + 1,
      type: "row",
      title,
      gridPos: { x: 0, y, w: columns, h: 1 },
    });
    y += 1;
    let x = 0;
    let h = 0;
    for (const panel of panels) {
      const size = sizes[panel.kind];
      if (x + size.w > columns) [x, y] = [0, y + h];
      placed.push({ id: placed.length + 1, ...toPanel(panel), gridPos: { x, y, ...size } });
      x += size.w;
      ({ h } = size);
    }
    y += h;
  }
  return placed;
}

function toPanel({ title, unit, kind, targets, description }: Panel) {
  return {
    type: kind,
    title,
    description: description ?? describe(targets[0].expr),
    datasource,
    fieldConfig: { defaults: { unit, min: 0, ...(kind === "timeseries" && { custom: plot }) } },
    options: kind === "timeseries" ? { tooltip: { mode: "multi", sort: "desc" } } : {},
    targets: targets.map(({ expr, legend }, index) => ({
      refId: refIds[index],
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}

const refIds = "ABCDEFGH";
const plot = { fillOpacity: 10, showPoints: "never", spanNulls: false };

const descriptions = new Map<string, Description>(
  createMetrics().rooms.flatMap((room) => room.descriptions.map((each) => [each.name, each])),
);

/** What the first metric in it means, and what to do about it. */
function describe(expr: string): string {
  const [name = ""] = /\bpogo_\w+/.exec(expr) ?? [];
  const found = descriptions.get(name.replace(/_bucket$/, ""));
  return found ? `${found.help} ${found.action}` : "";
}
