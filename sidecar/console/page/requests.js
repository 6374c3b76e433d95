/** Requests that go on to the app: how many, the slow ones, and who waits. */

import { h, pairs, panel, table } from "./dom.js";
import { entriesOf, feed, rateOf } from "./feed.js";
import { bytes, milliseconds, number, plural, time } from "./format.js";
import { appState } from "./health.js";

const shownRows = 100;
const slowest = 10;

export const requests = { title: "Requests", open };

function open(root) {
  const now = h("div");
  const slow = requestTable("The slowest", "None since the page was opened.");
  const all = requestTable("Requests, the newest first", "None since the page was opened.", true);
  const skipped = h("p", { className: "quiet", role: "status" });
  root.append(
    h("h1", { textContent: "Requests" }),
    h("p", {
      className: "lead",
      textContent:
        "HTTP requests and handshakes of this node, those of the HTTP API included, since this page was opened. Paths are without their query.",
    }),
    h("div", { className: "columns" }, panel("Now", now), panel("The slowest", slow.element)),
    panel("All", all.element, skipped),
  );

  return {
    update() {
      const entries = entriesOf("requests");
      all.set(entries.slice(-shownRows).toReversed());
      slow.set(
        entries
          .filter(({ upstream, status }) => upstream !== null && status !== 101)
          .toSorted((one, other) => other.durationMs - one.durationMs)
          .slice(0, slowest),
      );
      const count = feed.skipped.get("requests") ?? 0;
      skipped.textContent =
        count > 0 ? `At least ${plural(count, "request")} more came than a page can show.` : "";
      if (feed.figures) now.replaceChildren(pairs(toPairs(feed.figures)));
    },
    close() {},
  };
}

function toPairs({ proxy, totals }) {
  const app = ["App behind", appState(proxy)];
  if (!proxy) return [app];
  return [
    app,
    [
      "Rate",
      `${number(rateOf((figures) => figures.totals.proxied))}/s, ${number(totals.proxied)} so far`,
    ],
    ["At the app", `${number(proxy.underWay)} of ${number(proxy.maxUnderWay)}`],
    ["Wait for their turn", number(proxy.waiting)],
    ["Waiting room", number(proxy.waitingForApp)],
    ["WebSockets of the app", number(proxy.webSockets)],
  ];
}

function requestTable(caption, empty, isTall = false) {
  return table(
    caption,
    [
      { title: "Time", className: "nowrap", cell: ({ atMs }) => time(atMs) },
      {
        title: "Request",
        className: "name",
        cell: ({ method, path }) => h("code", { textContent: `${method ?? "–"} ${path ?? ""}` }),
      },
      { title: "Status", className: "number", cell: ({ status }) => status },
      { title: "Took", className: "number", cell: ({ durationMs }) => milliseconds(durationMs) },
      {
        title: "Sent",
        className: "number wide",
        cell: ({ bytes: count }) => (count === null ? "–" : bytes(count)),
      },
      { title: "From", className: "wide", cell: ({ client }) => client ?? "–" },
    ],
    {
      keyOf: ({ seq }) => seq,
      isTall,
      empty,
      rowProperties: ({ status }) => ({ className: status >= 500 ? "bad" : "" }),
    },
  );
}
