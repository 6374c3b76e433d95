/** Of several workers: which one the page shows, a way to each of the others, and their sums. */

import { addressOf } from "./api.js";
import { h, reconcile } from "./dom.js";
import { feed } from "./feed.js";
import { number, plural, sum } from "./format.js";

export function showWorkers(bar) {
  const { workers } = feed;
  bar.hidden = !workers;
  if (!workers) return;
  const [view] = window.location.hash.split("/");
  const all = Array.from({ length: workers.count }, (_, index) => toWorker(index + 1, view));
  if (!bar.firstElementChild) bar.append(h("nav", { aria: { label: "Workers" } }), h("p"));
  const [nav, sums] = bar.children;
  reconcile(nav, all, ({ worker }) => worker, workerLink);
  const text = sumsOf([...feed.figuresOf.values()]);
  if (sums.textContent !== text) sums.textContent = text;
}

function toWorker(worker, view) {
  const figures = feed.figuresOf.get(worker);
  return {
    worker,
    view,
    isShown: worker === feed.workers.shown,
    about: figures ? number(figures.health.connections) : "not running",
  };
}

function workerLink({ worker, view, isShown, about }) {
  const link = h(
    "a",
    { href: addressOf(worker, view) },
    `Worker ${worker} `,
    h("small", {}, about),
  );
  if (isShown) link.setAttribute("aria-current", "true");
  return link;
}

function sumsOf(figures) {
  const connections = plural(
    sum(figures, ({ health }) => health.connections),
    "connection",
  );
  const subscriptions = plural(
    sum(figures, ({ totals }) => totals.subscriptions),
    "subscription",
  );
  return `All together: ${connections}, ${subscriptions}. Below is worker ${feed.workers.shown}; refusals are those of all.`;
}
