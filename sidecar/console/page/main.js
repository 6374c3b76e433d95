/** The page: which view is shown, by the address behind `#`; the head, which says of which node and how it is. */

import { authorization } from "./authorization.js";
import { channels } from "./channels.js";
import { connections } from "./connections.js";
import { h } from "./dom.js";
import { events } from "./events.js";
import { feed, onFeed, setPaused, start } from "./feed.js";
import { duration, number } from "./format.js";
import { overview } from "./overview.js";
import { recentRefusals, refusals } from "./refusals.js";
import { requests } from "./requests.js";
import { showWorkers } from "./workers.js";

/** Each is `{ title, open(root, parts) }`; `open` gives what is to be called with news, and what ends it. */
const views = { overview, connections, channels, events, refusals, authorization, requests };

const root = document.getElementById("view");
const nav = document.getElementById("views");
const live = document.getElementById("live");
const pause = document.getElementById("pause");

let shown = { name: "", update() {}, close() {} };

const links = Object.fromEntries(
  Object.entries(views).map(([name, { title }]) => [
    name,
    h("a", { href: `#${name}` }, title, " ", h("span", { className: "count", hidden: true })),
  ]),
);
nav.append(...Object.values(links));

function show() {
  const [wanted, ...parts] = window.location.hash.slice(1).split("/").map(decodeURIComponent);
  const name = Object.hasOwn(views, wanted) ? wanted : "overview";
  for (const [each, link] of Object.entries(links)) {
    if (each === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  links[name].scrollIntoView({ block: "nearest", inline: "nearest" });
  if (shown.name === name && shown.move) return shown.move(parts);
  const isFirst = shown.name === "";
  shown.close();
  root.replaceChildren();
  document.title = `${views[name].title} – Pogo Sidecar console`;
  shown = { name, close() {}, ...views[name].open(root, parts) };
  shown.update();
  if (!isFirst) root.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

const states = {
  connecting: ["wait", "connecting"],
  live: ["good", "live"],
  paused: ["wait", "paused"],
  hidden: ["wait", "paused while not seen"],
  failed: ["bad", "no connection"],
};

function showHead() {
  const [mark, text] = states[feed.state];
  set(live, mark, feed.problem ? `${text}: ${feed.problem}` : text);
  pause.setAttribute("aria-pressed", String(feed.isPaused));
  pause.textContent = feed.isPaused ? "Go on" : "Pause";
  showWorkers(document.getElementById("workers"));
  showReadiness(feed.figures?.readiness);
  if (!feed.figures) return;
  const { health, hasLogin } = feed.figures;
  document.getElementById("logout").hidden = !hasLogin;
  document.getElementById("node").textContent = aboutNode(health);
  const count = links.refusals.querySelector(".count");
  const refused = recentRefusals().length;
  count.hidden = refused === 0;
  count.textContent = number(refused);
}

/** Which process the page shows. */
function aboutNode({ node, nodes, version, uptime_seconds: seconds }) {
  const { workers } = feed;
  return [
    workers && `worker ${workers.shown} of ${workers.count}`,
    node ? `node ${node}${nodes > 0 ? `, one of ${number(nodes)}` : ""}` : "single node",
    version,
    `up ${duration(seconds * 1_000)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function showReadiness(readiness) {
  const { workers } = feed;
  const element = document.getElementById("readiness");
  if (workers && !workers.listening.includes(workers.shown)) {
    return set(element, "bad", `worker ${workers.shown} has ended, and is started again`);
  }
  if (!readiness) return;
  const { ready, reason } = readiness;
  set(element, ready ? "good" : "bad", ready ? "ready" : `not ready: ${reason}`);
}

function set(element, mark, text) {
  element.dataset.is = mark;
  // Said again by a screen reader whenever it is written.
  if (element.textContent !== text) element.textContent = text;
}

let isDue = false;
/** At most once a frame, however much comes. */
function update() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    showHead();
    shown.update();
  });
}

pause.addEventListener("click", () => setPaused(!feed.isPaused));
window.addEventListener("hashchange", show);
onFeed(update);
show();
start();
