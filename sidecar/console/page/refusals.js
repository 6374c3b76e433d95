/** What was refused, and why: with the reason as the log has it, and what to do about it. */

import { replayButton } from "./actions.js";
import { addressAt } from "./api.js";
import { code, h, link, pairs, reconcile, toHash } from "./dom.js";
import { entriesOf, feed } from "./feed.js";
import { number, plural, time, words } from "./format.js";

const shownItems = 100;
/** Two events of one refusal come right behind each other. */
const sameMs = 1_000;

export const refusals = { title: "Refusals", open };

/** The newest first, each once. */
export function recentRefusals() {
  const all = entriesOf("refusals");
  return all.filter((entry, index) => !isSaidBefore(entry, all, index)).toReversed();
}

/** The client's own signature has been said to be wrong or missing, which says more. */
function isSaidBefore({ kind, atMs, socketId, channel }, all, index) {
  if (kind !== "authorization_refused") return false;
  for (let before = index - 1; before >= 0 && atMs - all[before].atMs < sameMs; before -= 1) {
    const other = all[before];
    const isSame = other.socketId === socketId && other.channel === channel;
    if (isSame && saysMore.has(other.kind)) return true;
  }
  return false;
}

const saysMore = new Set(["client_signature_refused", "signature_missing"]);

/**
 * So many causes for which something was refused last. They stand in the order in which they began, the newest first: one that
 * goes on must not jump about under who reads.
 */
export function newestCauses(entries, most) {
  const last = grouped(entries).slice(0, most);
  return last.toSorted((one, other) => other.firstAtMs - one.firstAtMs);
}

/** What is refused again and again is one, with how often: the newest, under a key of its own. */
function grouped(entries) {
  const groups = Map.groupBy(entries, keyOf);
  return [...groups].map(([key, all]) => {
    const others = {
      times: all.length,
      otherChannels: new Set(all.map(({ channel }) => channel)).size - 1,
      firstAtMs: all.at(-1).atMs,
    };
    return Object.assign(others, all[0], { key });
  });
}

function keyOf({ kind, appId, channel, reason, fault, sent, sentKey, path, status }) {
  const about = ofAllChannels.has(reason) ? null : channel;
  return JSON.stringify([kind, appId, about, reason, fault, sent, sentKey, path, status]);
}

/** The app was not there to say anything about a channel. */
const ofAllChannels = new Set([
  "circuit_open",
  "concurrency_limit",
  "connection_reset",
  "dispatch_error",
  "queue_full",
  "service_unavailable",
  "timeout",
  "too_many_failures",
]);

/** Who asks about one knows one of these. */
function textOf({ kind, channel, socketId, reason, fault, path, message, sent, why }) {
  const texts = [kind, channel, socketId, reason, fault, path, message, sent, why];
  return texts.join(" ").toLowerCase();
}

function open(root) {
  const filter = h("input", { type: "search", attributes: { maxlength: 256 } });
  const count = h("p", { className: "quiet", role: "status" });
  const list = h("ol", { className: "refusals" });
  const none = h("p", { className: "empty" });
  root.append(
    h("h1", { textContent: "Refusals" }),
    h("p", {
      className: "lead",
      textContent:
        "What was refused lately, also before the page was opened: the last 200, each cause once, those that began last at the top.",
    }),
    h(
      "div",
      { className: "controls" },
      h("label", {}, "Filter by channel, socket id, reason or path", filter),
      count,
    ),
    h("section", { className: "panel", aria: { label: "Refusals" } }, list, none),
  );
  filter.addEventListener("input", update);

  function update() {
    const text = filter.value.toLowerCase();
    const all = recentRefusals();
    const found = all.filter((entry) => textOf(entry).includes(text));
    reconcile(list, newestCauses(found, shownItems), ({ key }) => key, refusalItem);
    none.hidden = found.length > 0;
    none.textContent = all.length > 0 ? "None matches." : "Nothing was refused lately.";
    const skipped = feed.skipped.get("refusals") ?? 0;
    const more = skipped > 0 ? `, and ${plural(skipped, "more")} too fast to be shown` : "";
    count.textContent = all.length === 0 ? "" : `${plural(found.length, "refusal")}${more}`;
  }

  return { update, close() {} };
}

/** One of `newestCauses`: what, when, why, what was expected, what mends it, of whom. */
export function refusalItem(entry) {
  const { channel, otherChannels, hint, expected, fix } = entry;
  const others = otherChannels > 0 ? ` and ${plural(otherChannels, "other channel")}` : null;
  return h(
    "li",
    { className: "refusal" },
    h(
      "p",
      { className: "head" },
      h("strong", {}, titleOf(entry), channel ? h("span", {}, " ", code(channel)) : null, others),
      h("span", { className: "quiet", textContent: whenOf(entry) }),
    ),
    pairs(
      [
        ["Why", h("span", {}, ...reasonOf(entry))],
        expected && ["Expected", expected],
        hint && ["To do", hint],
        fix && ["The line", h("div", {}, h("small", {}, fix.where), h("pre", {}, fix.line))],
      ].filter(Boolean),
    ),
    h("div", { className: "controls" }, isAsked(entry) ? replayOf(entry) : null, whoseOf(entry)),
  );
}

function whenOf({ atMs, firstAtMs, times }) {
  if (times === 1) return time(atMs);
  return `${number(times)} times since ${time(firstAtMs)}, last at ${time(atMs)}`;
}

function whoseOf({ appId, worker, socketId }) {
  const parts = [
    appId && `app ${appId}`,
    worker && `worker ${worker}`,
    socketId && h("span", {}, "connection ", connectionLink({ socketId, worker })),
  ].filter(Boolean);
  const separated = parts.flatMap((part, index) => (index === 0 ? [part] : [" · ", part]));
  return h("p", { className: "quiet" }, ...separated);
}

/** By the group's key: what the app has answered stays, while the same is refused again. */
const replays = new Map();

function replayOf(entry) {
  const replay = replays.get(entry.key) ?? replayButton();
  replay.about = entry;
  replays.delete(entry.key);
  replays.set(entry.key, replay);
  if (replays.size > 2 * shownItems) replays.delete(replays.keys().next().value);
  return replay.element;
}

function connectionLink({ socketId, worker }) {
  return link(addressAt(worker, toHash("connections", socketId)), socketId);
}

const titles = {
  authorization_refused: askedTitle,
  client_signature_refused: askedTitle,
  signature_missing: askedTitle,
  error_sent: ({ channel, code: errorCode, reason }) => {
    if (clientEventReasons.has(reason)) return "Client event refused";
    return channel === null ? `Error ${errorCode} sent to a client` : "Subscribe refused";
  },
  handshake_refused: () => "WebSocket connection refused",
  handshake_misdirected: () => "WebSocket handshake not taken for one",
  publish_refused: () => "Publish refused",
  api_app_unknown: () => "API request refused",
  api_asked_elsewhere: () => "API request refused",
  api_signature_refused: () => "API request refused",
  api_body_refused: () => "API request refused",
  proxy_refused: () => "Proxied request answered 503",
  proxy_failed: ({ method, path, status }) => `${method} ${path} answered ${status}`,
  request_refused: ({ status }) => `Request answered ${status}`,
  recovery_gap: () => "Client not sent what it missed",
};

function askedTitle({ channel }) {
  return channel === null ? "Signin refused" : "Subscribe refused";
}

const clientEventReasons = new Set([
  "not_a_member",
  "client_event_not_allowed_here",
  "client_events_disabled",
  "client_event_rate_exceeded",
  "event_name_too_long",
  "event_data_too_large",
]);

function titleOf(entry) {
  return titles[entry.kind]?.(entry) ?? entry.message;
}

/** In words, as the log and the metrics have it, and with what was sent. */
function reasonOf({ reason, fault, why, message, sent, sentKey, sentAppId, cause }) {
  const name = reason ?? fault;
  const own = sent ?? sentKey ?? sentAppId ?? cause;
  return [
    h("strong", { textContent: why ?? (name ? words(name) : message) }),
    own ? h("span", {}, ": ", code(own)) : "",
    name ? h("small", {}, ` ${name}`) : "",
  ];
}

/** Only of these the app can be asked again. */
function isAsked({ kind, channel, socketId }) {
  return asked.has(kind) && Boolean(channel && socketId);
}

const asked = new Set(["authorization_refused", "client_signature_refused", "signature_missing"]);
