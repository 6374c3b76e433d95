/** Whether the node and what it needs are well: the app, Redis, and who waits for them. */

import { h, link } from "./dom.js";
import { number, plural, sum } from "./format.js";

/** Names and values. */
export function healthOf({ health, apps, proxy }) {
  const breakers = apps.filter(({ breaker }) => breaker && breaker !== "closed");
  return [
    ["App behind", appState(proxy)],
    proxy && ["Waiting for it", plural(proxy.waitingForApp + proxy.waiting, "request")],
    proxy && [
      "Circuit breaker",
      breakers.length === 0
        ? mark("good", "closed")
        : mark("bad", breakers.map(({ id, breaker }) => `${breaker} (app ${id})`).join(", ")),
    ],
    proxy && ["Questions to it", questions(apps)],
    ["Redis", health.redis ? redisState(health) : "not used: one node"],
    health.nodes !== undefined && ["Nodes seen", number(health.nodes)],
    ["Apps", apps.map(({ id, connections }) => `${id} (${number(connections)})`).join(", ")],
  ].filter(Boolean);
}

function questions(apps) {
  const asking = sum(apps, (app) => app.asking ?? 0);
  return `${number(asking)} under way, ${number(sum(apps, (app) => app.waiting ?? 0))} wait`;
}

/** Subscribes that the app could not answer are asked again, and not refused yet: who looks for one finds it here. */
export function showWaiting(element, count) {
  const [who, are] =
    count === 1 ? ["subscribe or signin waits", "is"] : ["subscribes and signins wait", "are"];
  const text = `${number(count)} ${who} for the app’s answer, and ${are} not refused so far.`;
  element.hidden = count === 0;
  if (element.hidden || element.dataset.text === text) return;
  element.dataset.text = text;
  element.replaceChildren(mark("wait", text), " ", link("#authorization", "How it answers"));
}

/** @param proxy null: there is no app */
export function appState(proxy) {
  if (!proxy) return "none (POGO_UPSTREAM=none)";
  const { app, isPaused } = proxy;
  if (isPaused) return mark("wait", "new requests wait: /hold");
  if (app === "unknown") return mark("wait", "unknown: no request has been passed on yet");
  return app === "up" ? mark("good", "answers") : mark("bad", "away: requests wait for it");
}

function redisState({ redis, redis_error: error }) {
  return redis === "up" ? mark("good", "up") : mark("bad", `lost: ${error ?? ""}`);
}

function mark(is, text) {
  return h("span", { className: "state", data: { is }, textContent: text });
}
