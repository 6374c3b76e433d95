/** What the node sends as long as the page is seen: figures each second, and what happens. Kept here, as far as is of use. */

import { logInAgain, pathOf, setShownWorker } from "./api.js";

/** Of each topic. */
const maxEntries = 500;
/** A minute of figures, for the lines. */
const maxHistory = 61;
const retryMs = 2_000;

/** `state`: connecting, live, paused, hidden, or failed with `problem`. */
export const feed = {
  state: "connecting",
  problem: "",
  /** The last figures, and those before; the oldest first. */
  figures: null,
  history: [],
  /** Of several workers: `{ shown, count, listening }`, and the last figures of each. */
  workers: null,
  figuresOf: new Map(),
  /** By topic; the oldest first. */
  entries: new Map(),
  /** By topic: how many there were at least that the node did not send. */
  skipped: new Map(),
  isPaused: false,
  filter: "",
  hasContents: false,
};

const listeners = new Set();
let abort = new AbortController();
let count = 0;

/** Called after each message; gives the function that ends it. */
export function onFeed(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function entriesOf(topic) {
  return feed.entries.get(topic) ?? [];
}

/** A second's worth of something that is counted; 0 before it is known. */
export function rateOf(read, history = feed.history) {
  const [one, other] = history.slice(-2);
  if (!one || !other) return 0;
  return Math.max(0, ((read(other) - read(one)) * 1_000) / Math.max(1, other.atMs - one.atMs));
}

/** All rates of the last minute, the oldest first. */
export function ratesOf(read) {
  return feed.history
    .slice(1)
    .map((_, index) => rateOf(read, feed.history.slice(index, index + 2)));
}

export function setPaused(isPaused) {
  feed.isPaused = isPaused;
  setState(isPaused ? "paused" : "connecting");
  reopen();
}

/** What events have to be about, and whether with what is in them: from now on. */
export function setWanted({ filter = feed.filter, hasContents = feed.hasContents }) {
  Object.assign(feed, { filter, hasContents });
  feed.entries.delete("events");
  reopen();
}

/** Nothing is asked of the node while nobody sees the page. */
export function start() {
  document.addEventListener("visibilitychange", reopen);
  reopen();
}

function reopen() {
  abort.abort();
  abort = new AbortController();
  if (feed.isPaused) return;
  if (document.hidden) return setState("hidden");
  void follow(abort.signal);
}

async function follow(signal) {
  while (!signal.aborted) {
    try {
      await readStream(signal);
    } catch (error) {
      if (!signal.aborted) setState("failed", error.message);
    }
    if (signal.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

async function readStream(signal) {
  const query = { text: feed.filter, ...(feed.hasContents && { contents: "" }) };
  const response = await fetch(pathOf("stream", query), { signal });
  if (response.status === 401) return logInAgain();
  if (!response.ok) throw new Error((await response.json()).message);
  setState("live");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("The node has ended the connection.");
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) take(JSON.parse(line));
  }
}

/** By the type of a message. */
const takers = {
  workers({ shown, count: all, listening }) {
    feed.workers = { shown, count: all, listening };
    setShownWorker(shown);
    for (const worker of feed.figuresOf.keys()) {
      if (!listening.includes(worker)) feed.figuresOf.delete(worker);
    }
  },
  figures(message) {
    feed.figuresOf.set(message.worker, message);
    if (feed.workers && message.worker !== feed.workers.shown) return;
    feed.figures = message;
    feed.history = [...feed.history, message].slice(-maxHistory);
  },
  /** Those from before somebody looked, in place of what was known of this process; what a dead one refused stays. */
  refusals({ source, worker, entries }) {
    const others = entriesOf("refusals").filter((entry) => entry.source !== source);
    const all = [...others, ...entries.map((entry) => numbered(entry, { source, worker }))];
    const ordered = all.toSorted((one, other) => one.atMs - other.atMs);
    feed.entries.set("refusals", ordered.slice(-maxEntries));
  },
  entries({ source, worker, entries, skipped }) {
    for (const entry of entries) add(numbered(entry, { source, worker }));
    for (const [topic, more] of Object.entries(skipped)) {
      feed.skipped.set(topic, (feed.skipped.get(topic) ?? 0) + more);
    }
  },
};

function take(message) {
  takers[message.type]?.(message);
  notify();
}

function add(entry) {
  feed.entries.set(entry.topic, [...entriesOf(entry.topic).slice(1 - maxEntries), entry]);
}

function numbered(entry, origin) {
  return { ...entry, ...origin, seq: ++count };
}

function setState(state, problem = "") {
  Object.assign(feed, { state, problem });
  notify();
}

function notify() {
  for (const listener of listeners) listener();
}
