/** What was refused, and why: with the reason as the log has it, and what to do about it. */

import { replayButton } from "./actions.js";
import { addressAt } from "./api.js";
import { code, h, link, pairs, reconcile, toHash } from "./dom.js";
import { entriesOf, feed } from "./feed.js";
import { plural, time, words } from "./format.js";

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
        "What this node refused last, the newest first; those from before the page was opened too, up to 200.",
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
    reconcile(list, found.slice(0, shownItems), ({ seq }) => seq, refusalItem);
    none.hidden = found.length > 0;
    none.textContent = all.length > 0 ? "None matches." : "Nothing was refused lately.";
    const skipped = feed.skipped.get("refusals") ?? 0;
    const more = skipped > 0 ? `, and ${plural(skipped, "more")} too fast to be shown` : "";
    count.textContent = all.length === 0 ? "" : `${plural(found.length, "refusal")}${more}`;
  }

  return { update, close() {} };
}

/** One of the list: what, of whom, why, what was expected, what mends it. */
export function refusalItem(entry) {
  const { atMs, channel, socketId, appId, worker, hint, expected, fix } = entry;
  const about = [
    time(atMs),
    appId ? `app ${appId}` : null,
    worker ? `worker ${worker}` : null,
    socketId ? h("span", {}, "connection ", connectionLink(entry)) : null,
  ].filter(Boolean);
  return h(
    "li",
    { className: "refusal" },
    h(
      "p",
      { className: "what" },
      titleOf(entry),
      channel ? h("span", {}, " ", code(channel)) : null,
    ),
    pairs(
      [
        ["Why", h("span", {}, ...reasonOf(entry))],
        expected && ["Expected", expected],
        hint && ["To do", hint],
        fix && ["The line", h("span", {}, code(fix.line), h("small", {}, ` ${fix.where}`))],
      ].filter(Boolean),
    ),
    h(
      "p",
      { className: "quiet" },
      ...about.flatMap((each, index) => (index === 0 ? [each] : [" · ", each])),
    ),
    isAsked(entry) ? replayButton(entry) : null,
  );
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
