/** What was refused, and why: with the reason as the log has it, and what to do about it. */

import { replayButton } from "./actions.js";
import { code, h, link, reconcile, toHash } from "./dom.js";
import { entriesOf, feed } from "./feed.js";
import { plural, time, words } from "./format.js";

const shownItems = 100;
/** Two events of one refusal come right behind each other. */
const sameMs = 1_000;

export const refusals = { title: "Refusals", open };

/** The newest first, each once. */
export function recentRefusals() {
  const all = entriesOf("refusals");
  return all.filter((entry, index) => !isSaidBefore(entry, all[index - 1])).toReversed();
}

/** The client's own signature has been said to be wrong or missing, which says more. */
function isSaidBefore({ kind, atMs, socketId, channel }, before) {
  return (
    kind === "authorization_refused" &&
    (before?.kind === "client_signature_refused" || before?.kind === "signature_missing") &&
    before.socketId === socketId &&
    before.channel === channel &&
    atMs - before.atMs < sameMs
  );
}

/** Who asks about one knows one of these. */
function textOf({ kind, channel, socketId, reason, fault, path, message, sent }) {
  return [kind, channel, socketId, reason, fault, path, message, sent].join(" ").toLowerCase();
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

/** One of the list: what, of whom, why, what to do. */
export function refusalItem(entry) {
  const { atMs, channel, socketId, appId, hint } = entry;
  const about = [
    time(atMs),
    appId ? `app ${appId}` : null,
    socketId ? h("span", {}, "connection ", link(toHash("connections", socketId), socketId)) : null,
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
    h("p", {}, "Why: ", h("strong", { textContent: reasonOf(entry) }), ...detailsOf(entry)),
    hint ? h("p", { className: "why" }, "What to look at: ", hint) : null,
    h(
      "p",
      { className: "quiet" },
      ...about.flatMap((each, index) => (index === 0 ? [each] : [" · ", each])),
    ),
    channel && socketId && isAsked(channel) ? replayButton(entry) : null,
  );
}

const titles = {
  authorization_refused: ({ channel }) =>
    channel === null ? "Signin refused" : "Subscribe refused",
  client_signature_refused: ({ channel }) =>
    channel === null ? "Signin refused" : "Subscribe refused",
  signature_missing: ({ channel }) => (channel === null ? "Signin refused" : "Subscribe refused"),
  error_sent: ({ code: errorCode }) => `Error ${errorCode} sent to a client`,
  handshake_refused: () => "WebSocket connection refused",
  handshake_misdirected: () => "WebSocket handshake not taken for one",
  publish_refused: () => "Publish refused",
  proxy_refused: () => "Proxied request answered 503",
  proxy_failed: ({ method, path, status }) => `${method} ${path} answered ${status}`,
  request_refused: ({ status }) => `Request answered ${status}`,
  recovery_gap: () => "Client not sent what it missed",
};

function titleOf(entry) {
  return titles[entry.kind]?.(entry) ?? entry.message;
}

const signatureFaults = {
  malformed: "the signature that the page sent is none",
  wrong_key: "signed with another app’s key",
  mismatch:
    "the signature that the page sent is wrong: made with another secret, or for something else",
};

function reasonOf({ kind, reason, fault }) {
  if (kind === "client_signature_refused") return signatureFaults[fault];
  if (kind === "signature_missing") return "it has no signature, and there is no app to ask";
  return words(reason ?? fault ?? "");
}

function detailsOf({ sent, sentKey, sentAppId, cause }) {
  const text = sent ?? sentKey ?? sentAppId ?? cause;
  return text ? [" – ", code(text)] : [];
}

function isAsked(channel) {
  return /^(private|presence)-/.test(channel);
}
