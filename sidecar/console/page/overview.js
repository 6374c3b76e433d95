/** How the node is, in figures; what was refused last; what else happened to it. */

import { addressOf, read } from "./api.js";
import { code, h, link, pairs, panel, reconcile, table } from "./dom.js";
import { entriesOf, feed, rateOf, ratesOf } from "./feed.js";
import { bytes, number, plural, sum, time, words } from "./format.js";
import { healthOf, showWaiting } from "./health.js";
import { newestCauses, recentRefusals, refusalItem } from "./refusals.js";

/** `value` is shown; of what has a `rate` it is that, with its line. */
const tiles = [
  {
    name: "Connections",
    value: ({ health }) => number(health.connections),
    more: ({ maxConnections }) => `of ${number(maxConnections)}`,
  },
  { name: "Channels", value: ({ apps }) => number(sum(apps, ({ channels }) => channels)) },
  { name: "Subscriptions", value: ({ totals }) => number(totals.subscriptions) },
  { name: "Published", unit: "/s", rate: ({ totals }) => totals.published },
  { name: "Delivered", unit: "/s", rate: ({ totals }) => totals.deliveries },
  { name: "Sent", unit: "/s", show: bytes, rate: ({ totals }) => totals.sentBytes },
  { name: "Proxied requests", unit: "/s", rate: ({ totals }) => totals.proxied },
  {
    name: "Waits for slow clients",
    value: ({ queuedBytes }) => bytes(queuedBytes),
    more: ({ maxQueuedBytes }) => `of ${bytes(maxQueuedBytes)}`,
  },
];

const refusedKinds = {
  handshakes: "handshakes",
  authorizations: "subscriptions and signins",
  errors: "errors sent to clients",
  publishes: "publishes",
  requests: "proxied requests",
};

const shownRefusals = 4;
const nodesEveryMs = 5_000;

export const overview = { title: "Overview", open };

function open(root) {
  const figures = h("dl", { className: "tiles" });
  const lately = h("ol", { className: "refusals" });
  const none = h("p", { className: "empty", textContent: "Nothing was refused lately." });
  const more = link("#refusals", "");
  const waits = h("p", { role: "status", hidden: true });
  const health = h("div");
  const counts = table(
    "Refusals by reason since the start",
    [
      { title: "What", cell: ({ what }) => what },
      { title: "Reason", cell: ({ reason }) => words(reason) },
      { title: "So far", className: "number", cell: ({ count }) => number(count) },
    ],
    { keyOf: ({ what, reason }) => `${what} ${reason}`, empty: "None since the start." },
  );
  const news = table(
    "What happened to the node",
    [
      { title: "Time", className: "nowrap", cell: ({ atMs }) => time(atMs) },
      { title: "What", cell: ({ message }) => message },
    ],
    { keyOf: ({ seq }) => seq, empty: "Nothing since the page was opened." },
  );
  const nodes = table(
    "Nodes and their connections",
    [
      { title: "Node", cell: nodeCell },
      {
        title: "Subscribed connections",
        className: "number",
        cell: ({ connections }) => number(connections),
      },
    ],
    { keyOf: ({ id }) => id, empty: "Redis can’t say now." },
  );
  const others = h("p", { className: "quiet" });
  const cluster = panel("Nodes", nodes.element, others);
  cluster.hidden = true;
  root.append(
    h("h1", { textContent: "Overview" }),
    figures,
    h(
      "div",
      { className: "uneven" },
      panel("Refused lately", waits, lately, none, h("p", {}, more)),
      h(
        "div",
        { className: "stack" },
        panel("Health", health),
        cluster,
        panel("What happened to the node", news.element),
        panel("Refused since the start", counts.element),
      ),
    ),
  );
  const timer = setInterval(showNodes, nodesEveryMs);

  async function showNodes() {
    if (feed.state !== "live" || !feed.figures?.health.node) return;
    const answer = await read("nodes").catch(() => null);
    cluster.hidden = !answer;
    const all = (answer?.nodes ?? []).map(toNode);
    nodes.set(all.toSorted((one, other) => one.rank - other.rank));
    others.textContent = all.some(({ isThis, url }) => !isThis && !url) ? noLink : ofOthers;
  }

  return {
    update() {
      const all = recentRefusals();
      none.hidden = all.length > 0;
      reconcile(lately, newestCauses(all, shownRefusals), ({ key }) => key, refusalItem);
      more.textContent =
        all.length > 0 ? `All ${plural(all.length, "refusal")}, with a filter` : "";
      news.set(entriesOf("node").toReversed().slice(0, 20));
      if (!feed.figures) return;
      showWaiting(
        waits,
        sum(feed.figures.apps, ({ waiting }) => waiting ?? 0),
      );
      if (cluster.hidden && feed.history.length === 1) void showNodes();
      reconcile(figures, tiles.map(toTile), ({ name }) => name, renderTile);
      health.replaceChildren(pairs(healthOf(feed.figures)));
      counts.set(countsOf(feed.figures));
    },
    close: () => clearInterval(timer),
  };
}

const ofOthers =
  "All else here is of this node alone; each of the others has a console of its own.";
const noLink = `${ofOthers} One without a link has not said where browsers reach it: set POGO_ADMIN_URL there.`;

/** Whether it is this one, another worker beside it, or elsewhere; and where its console is. */
function toNode({ id, connections, adminUrl }) {
  if (id === feed.figures?.health.node) {
    return { id, connections, about: "this one", isThis: true, rank: 0 };
  }
  const worker = [...feed.figuresOf].find(([, { health }]) => health.node === id)?.[0];
  return worker
    ? {
        id,
        connections,
        about: `worker ${worker} here`,
        url: addressOf(worker, "#overview"),
        rank: worker,
      }
    : { id, connections, about: "", url: adminUrl, rank: Number.MAX_SAFE_INTEGER };
}

function nodeCell({ id, about, url }) {
  const name = url ? h("a", { href: url, rel: "noreferrer", textContent: id }) : code(id);
  return h("span", {}, name, about ? h("small", {}, ` ${about}`) : null);
}

function toTile({ name, unit = "", value, more, rate, show = number }) {
  return {
    name,
    unit,
    value: rate ? show(rateOf(rate)) : value(feed.figures),
    more: more?.(feed.figures) ?? "",
    rates: rate ? ratesOf(rate) : null,
  };
}

function renderTile({ name, unit, value, more, rates }) {
  return h(
    "div",
    { className: "tile" },
    h("dt", { textContent: name }),
    h("dd", {}, value, " ", h("small", { textContent: unit || more })),
    rates && rates.length > 1 ? spark(rates) : null,
  );
}

/** The last minute, the greatest at the top. */
function spark(rates) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  const most = Math.max(1, ...rates);
  const points = rates.map(
    (rate, index) => `${60 - rates.length + index + 1},${15 - (14 * rate) / most}`,
  );
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 60 16");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("points", points.join(" "));
  line.setAttribute("vector-effect", "non-scaling-stroke");
  svg.append(line);
  return svg;
}

function countsOf({ reasons }) {
  return Object.entries(reasons)
    .flatMap(([kind, byReason]) =>
      Object.entries(byReason).map(([reason, count]) => ({
        what: refusedKinds[kind],
        reason,
        count,
      })),
    )
    .toSorted((one, other) => other.count - one.count);
}
