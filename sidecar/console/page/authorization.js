/** What the app is asked about subscriptions and signins: how it answers, how fast, and who waits. */

import { h, link, panel, table, toHash } from "./dom.js";
import { entriesOf, feed } from "./feed.js";
import { milliseconds, number, plural, time, words } from "./format.js";

const shownRows = 100;

export const authorization = { title: "Authorization", open };

function open(root) {
  const summary = h("p", { className: "lead" });
  const apps = table(
    "Apps",
    [
      { title: "App", cell: ({ id }) => id },
      { title: "Circuit breaker", cell: ({ breaker }) => state(breaker) },
      { title: "Permits taken", className: "number", cell: ({ asking }) => number(asking) },
      { title: "Waiting", className: "number", cell: ({ waiting }) => number(waiting) },
    ],
    { keyOf: ({ id }) => id, empty: "There is no app behind (POGO_UPSTREAM=none)." },
  );
  const outcomes = table(
    "Outcomes",
    [
      { title: "Outcome", cell: ({ outcome }) => words(outcome) },
      { title: "Questions", className: "number", cell: ({ count }) => number(count) },
      { title: "Median", className: "number", cell: ({ median }) => milliseconds(median) },
      { title: "95 %", className: "number", cell: ({ p95 }) => milliseconds(p95) },
    ],
    { keyOf: ({ outcome }) => outcome, empty: "Nothing was asked since then." },
  );
  const asked = table(
    "Questions, the newest first",
    [
      { title: "Time", className: "nowrap", cell: ({ atMs }) => time(atMs) },
      { title: "Channel", cell: channelCell },
      {
        title: "Connection",
        className: "wide",
        cell: ({ socketId }) => link(toHash("connections", socketId), socketId),
      },
      { title: "Status", className: "number wide", cell: ({ status }) => status ?? "–" },
      { title: "Outcome", className: "name", cell: outcomeCell },
      { title: "Took", className: "number", cell: ({ durationMs }) => milliseconds(durationMs) },
    ],
    {
      keyOf: ({ seq }) => seq,
      isTall: true,
      empty: "None since the page was opened.",
      rowProperties: ({ outcome }) => ({ className: outcome === "ok" ? "" : "bad" }),
    },
  );
  const withheld = h("p", { className: "quiet" });
  root.append(
    h("h1", { textContent: "Authorization" }),
    summary,
    h(
      "div",
      { className: "columns" },
      panel("Now", apps.element),
      panel("Outcomes since the page was opened", outcomes.element, withheld),
    ),
    panel("Questions", asked.element),
  );

  return {
    update() {
      const entries = entriesOf("authorization");
      const questions = entries.filter(({ kind }) => kind === "authorization_finished");
      const refused = entries.filter(({ kind }) => kind === "authorization_withheld").length;
      asked.set(questions.slice(-shownRows).toReversed());
      outcomes.set(byOutcome(questions));
      withheld.textContent =
        refused > 0 ? `${plural(refused, "more")} refused without asking; see Refusals.` : "";
      if (!feed.figures) return;
      const { asked: total, apps: all } = feed.figures;
      apps.set(all.filter(({ breaker }) => breaker));
      const mean = total.count === 0 ? null : (total.seconds * 1_000) / total.count;
      summary.textContent = `The app is asked about subscriptions and signins without a signature. Since the start it was asked ${plural(total.count, "time")}, ${milliseconds(mean)} each on average. ${plural(total.permits, "permit")} (POGO_MAX_CONCURRENT_AUTH) bound how many questions are under way at a time.`;
    },
    close() {},
  };
}

function outcomeCell({ outcome, isTriedAgain, hint }) {
  const text = isTriedAgain ? `${words(outcome)}, tried again` : words(outcome);
  return hint ? h("div", {}, text, h("small", { className: "block", textContent: hint })) : text;
}

function channelCell({ channel, appId }) {
  return channel === null ? "signin" : link(toHash("channels", appId, channel), channel);
}

function state(breaker) {
  const mark = { closed: "good", open: "bad", "half-open": "wait" }[breaker];
  return h("span", { className: "state", data: { is: mark }, textContent: breaker });
}

function byOutcome(questions) {
  const groups = Map.groupBy(questions, ({ outcome }) => outcome);
  return [...groups].map(([outcome, all]) => {
    const times = all.map(({ durationMs }) => durationMs).toSorted((one, other) => one - other);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(share * times.length))];
    return { outcome, count: all.length, median: at(0.5), p95: at(0.95) };
  });
}
