/** The connections of this node, and one of them in detail. */

import { post, read } from "./api.js";
import { code, h, link, pairs, table, toHash } from "./dom.js";
import { bytes, duration, number, plural } from "./format.js";
import { openListView } from "./list-view.js";

export const connections = {
  title: "Connections",
  open: (root, parts) =>
    openListView(root, parts, {
      title: "Connections",
      lead: "Open WebSockets of this node, the newest first.",
      label: "Filter by socket id, address, user or channel",
      noun: "connection",
      name: "connections",
      table: () => connectionTable({ empty: "No connection matches." }),
      detail: {
        isOf: ({ socketId }, [chosen]) => socketId === chosen,
        read: ([id]) => read("connection", { id }),
        render: toSections,
      },
    }),
};

const shortColumns = [
  {
    title: "Socket id",
    cell: ({ socketId }) => link(toHash("connections", socketId), socketId),
  },
  { title: "Address", cell: ({ address }) => address },
  {
    title: "User",
    cell: ({ user }) => user ?? h("span", { className: "quiet", textContent: "–" }),
  },
];

const moreColumns = [
  { title: "Channels", className: "number", cell: ({ channels }) => number(channels) },
  { title: "Open for", className: "number wide", cell: ({ openForMs }) => duration(openForMs) },
];

/** Also of a channel's subscribers, where there is less room. */
export function connectionTable({ empty, isShort = false }) {
  const columns = isShort ? shortColumns : [...shortColumns, ...moreColumns];
  return table("Connections", columns, {
    keyOf: ({ socketId }) => socketId,
    empty,
    rowProperties: ({ isChosen }) => (isChosen ? { data: { chosen: "" } } : {}),
  });
}

function toSections(connection, [socketId], refresh) {
  if (!connection) {
    return [
      { key: "head", socketId, make: () => head(socketId) },
      {
        key: "gone",
        make: () => h("p", { className: "empty", textContent: "This connection has ended." }),
      },
    ];
  }
  const { subscriptions, appId, ...data } = connection;
  return [
    { key: "head", socketId, make: () => head(socketId) },
    { key: "data", data, make: () => pairs(toPairs(connection)) },
    { key: "disconnect", make: () => disconnectForm(socketId, refresh) },
    { key: "subscriptions", subscriptions, make: () => subscriptionTable(subscriptions, appId) },
  ];
}

function head(socketId) {
  return h(
    "div",
    { className: "head" },
    h("h2", {}, "Connection ", code(socketId)),
    link("#connections", "Close"),
  );
}

function toPairs({
  appId,
  address,
  peer,
  user,
  openForMs,
  handshake,
  traffic,
  channels,
  subscriptions,
}) {
  const { length } = subscriptions;
  return [
    ["App", appId],
    ["Address", address === peer ? address : `${address} (by ${peer || "a Unix socket"})`],
    ["User", user ?? "unknown: not signed in, in no presence channel"],
    ["Open for", duration(openForMs)],
    ...(handshake ? handshakePairs(handshake) : []),
    ...(traffic ? trafficPairs(traffic) : []),
    ["Channels", number(channels) + (length < channels ? `, the first ${length} below` : "")],
  ];
}

function handshakePairs({ origin, userAgent, hasCookies }) {
  return [
    ["Page", origin ?? "unknown"],
    ["Client", userAgent ?? "unknown"],
    ["Cookies", hasCookies ? "sent with the handshake" : "none: to the app it is a guest"],
  ];
}

function trafficPairs(traffic) {
  return [
    ["Sent", bytes(traffic.sentBytes)],
    ["Received", bytes(traffic.receivedBytes)],
    ["Still to be sent", bytes(traffic.queuedBytes)],
    ["Dropped", droppedText(traffic)],
  ];
}

function droppedText({ droppedFrames }) {
  return droppedFrames === 0 ? "nothing" : `${plural(droppedFrames, "frame")}: it reads too slowly`;
}

const states = { live: "subscribed", entering: "on its way", joining: "on its way" };

function subscriptionTable(subscriptions, appId) {
  const rows = table(
    "Subscriptions of this connection",
    [
      {
        title: "Channel",
        cell: ({ channel }) => link(toHash("channels", appId, channel), channel),
      },
      { title: "As", cell: ({ member }) => member ?? "–" },
      { title: "State", cell: ({ state }) => states[state] ?? state },
    ],
    { keyOf: ({ channel }) => channel, empty: "It is subscribed to nothing." },
  );
  rows.set(subscriptions);
  return rows.element;
}

/** Asked twice, for it can't be undone. */
function disconnectForm(socketId, refresh) {
  const answer = h("p", { role: "status" });
  const button = h("button", { type: "button", className: "risky", textContent: "Disconnect" });
  let isAsked = false;
  button.addEventListener("click", async () => {
    if (!isAsked) {
      isAsked = true;
      button.textContent = "Disconnect for good";
      answer.textContent = "It is closed with 4009: its page does not come back by itself.";
      return;
    }
    button.disabled = true;
    try {
      await post("disconnect", { socketId });
      answer.textContent = "Disconnected.";
      refresh();
    } catch (error) {
      answer.textContent = error.message;
      button.disabled = false;
    }
  });
  return h("div", { className: "controls" }, button, answer);
}
