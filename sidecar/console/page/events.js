/** Events as they pass: names, sizes, recipients; and what is in them, for who asks for it and from then on. */

import { eventForm } from "./actions.js";
import { code, h, link, table, toHash } from "./dom.js";
import { entriesOf, feed, setWanted } from "./feed.js";
import { bytes, number, plural, time } from "./format.js";

const shownRows = 200;
const typingMs = 400;

const kinds = {
  event_published: "published",
  event_delivered: "delivered",
  client_event_received: "from a client",
};

export const events = { title: "Events", open };

function open(root) {
  const filter = h("input", { type: "search", value: feed.filter, attributes: { maxlength: 256 } });
  const contents = h("button", { type: "button" });
  const clear = h("button", { type: "button", textContent: "Clear" });
  const skipped = h("p", { className: "quiet", role: "status" });
  const off = h("p", { className: "quiet" });
  const rows = eventTable();
  let timer;
  root.append(
    h("h1", { textContent: "Events" }),
    h("p", {
      className: "lead",
      textContent:
        "Events of the app and of clients, since this page was opened and while it is seen; the newest first.",
    }),
    h(
      "div",
      { className: "controls" },
      h("label", {}, "Filter by channel, event or socket id", filter),
      contents,
      clear,
    ),
    off,
    h(
      "details",
      { className: "panel" },
      h("summary", { textContent: "Send a test event" }),
      eventForm(),
    ),
    h("section", { className: "panel", aria: { label: "Events" } }, rows.element, skipped),
  );
  filter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => setWanted({ filter: filter.value }), typingMs);
  });
  contents.addEventListener("click", () => setWanted({ hasContents: !feed.hasContents }));
  clear.addEventListener("click", () => {
    feed.entries.delete("events");
    feed.skipped.delete("events");
    update();
  });

  function update() {
    rows.set(entriesOf("events").slice(-shownRows).toReversed());
    const count = feed.skipped.get("events") ?? 0;
    skipped.textContent =
      count > 0
        ? `At least ${plural(count, "event")} more passed than a page can show: narrow the filter.`
        : "";
    const { showsPayloads = false } = feed.figures ?? {};
    contents.hidden = !showsPayloads;
    contents.setAttribute("aria-pressed", String(feed.hasContents));
    contents.textContent = feed.hasContents ? "Without what is in them" : "Show what is in them";
    off.hidden = showsPayloads || !feed.figures;
    off.textContent = "What is in events is not shown: POGO_CONSOLE_PAYLOADS is off.";
  }

  return { update, close: () => clearTimeout(timer) };
}

function eventTable() {
  return table(
    "Events, the newest first",
    [
      { title: "Time", className: "nowrap", cell: ({ atMs }) => time(atMs) },
      { title: "What", className: "nowrap wide", cell: ({ kind }) => kinds[kind] ?? kind },
      { title: "Event", className: "name", cell: eventCell },
      { title: "Channel", cell: channelCell },
      { title: "Size", className: "number wide", cell: ({ bytes: size }) => bytes(size) },
      {
        title: "Recipients here",
        className: "number",
        cell: ({ recipients }) => (recipients === undefined ? "–" : number(recipients)),
      },
    ],
    {
      keyOf: ({ seq }) => seq,
      isTall: true,
      empty: "Nothing has passed yet. “Send a test event” above makes one.",
    },
  );
}

function eventCell({ event, contents }) {
  return contents === undefined
    ? code(event)
    : h("div", {}, code(event), h("pre", { textContent: readable(contents) }));
}

/** Most often JSON in a JSON string, which may be cut, also in the middle of an escape. */
function readable(contents) {
  const data = parsed(contents);
  if (data !== undefined) return typeof data === "string" ? data : contents;
  for (let cut = 0; cut <= longestEscape; cut += 1) {
    const text = parsed(`${contents.slice(0, contents.length - cut)}"`);
    if (text !== undefined) return `${text}…`;
  }
  return `${contents}…`;
}

/** `\u1234` */
const longestEscape = 6;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function channelCell({ appId, channel, channels = [channel] }) {
  const [first, ...others] = channels;
  const more = others.length > 0 ? ` and ${number(others.length)} more` : "";
  return h("span", {}, link(toHash("channels", appId, first), first), more);
}
