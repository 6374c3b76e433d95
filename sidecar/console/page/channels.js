/** The channels of this node, and one of them in detail: who is in it, and a test event for it. */

import { eventForm } from "./actions.js";
import { read } from "./api.js";
import { connectionTable } from "./connections.js";
import { code, h, link, pairs, table, toHash } from "./dom.js";
import { number } from "./format.js";
import { openListView } from "./list-view.js";

export const channels = {
  title: "Channels",
  open: (root, parts) =>
    openListView(root, parts, {
      title: "Channels",
      lead: "Channels with subscribers on this node, those with the most first. Members are counted over all nodes.",
      label: "Filter by name",
      noun: "channel",
      name: "channels",
      table: channelTable,
      detail: {
        isOf: ({ appId, name }, [chosenApp, chosen]) => appId === chosenApp && name === chosen,
        read: ([app, name = ""]) => read("channel", { app, name }),
        render: toSections,
      },
    }),
};

function channelTable() {
  return table(
    "Channels",
    [
      { title: "Channel", cell: ({ appId, name }) => link(toHash("channels", appId, name), name) },
      { title: "Kind", className: "wide", cell: kindOf },
      { title: "App", className: "wide", cell: ({ appId }) => appId },
      { title: "Subscribers", className: "number", cell: ({ subscribers }) => number(subscribers) },
      {
        title: "Members",
        className: "number",
        cell: ({ members }) => (members === null ? "–" : number(members)),
      },
    ],
    {
      keyOf: ({ appId, name }) => `${appId} ${name}`,
      empty: "No channel matches.",
      rowProperties: ({ isChosen }) => (isChosen ? { data: { chosen: "" } } : {}),
    },
  );
}

function kindOf({ access, isCache, isEncrypted }) {
  return [access, isCache && "cache", isEncrypted && "encrypted"].filter(Boolean).join(", ");
}

function toSections(channel, [appId, name = ""]) {
  const head = {
    key: "head",
    name,
    make: () =>
      h(
        "div",
        { className: "head" },
        h("h2", {}, "Channel ", code(name)),
        link("#channels", "Close"),
      ),
  };
  const form = {
    key: "form",
    make: () =>
      h(
        "details",
        {},
        h("summary", { textContent: "Send a test event" }),
        eventForm({ appId, channel: name }),
      ),
  };
  if (!channel) {
    const text = "Nobody on this node is subscribed to it.";
    return [
      head,
      { key: "gone", make: () => h("p", { className: "empty", textContent: text }) },
      form,
    ];
  }
  const { connections, ...data } = channel;
  return [
    head,
    { key: "data", data, make: () => pairs(toPairs(channel)) },
    form,
    { key: "connections", connections, make: () => subscribers(connections) },
  ];
}

function toPairs({ appId, subscribers, members, memberIds, events, connections, ...kind }) {
  return [
    ["App", appId],
    ["Kind", kindOf(kind)],
    ["Subscribers", `${number(subscribers)} on this node${cut(subscribers, connections)}`],
    ...(members === null ? [] : [["Members", listed(memberIds, members)]]),
    ["Events", `${number(events)} since it has subscribers here`],
  ];
}

function cut(count, { length }) {
  return length < count ? `, ${number(length)} of them below` : "";
}

function listed(ids, count) {
  const more = count - ids.length;
  const text = `${number(count)} on all nodes: ${ids.join(", ")}${more > 0 ? ` and ${number(more)} more` : ""}`;
  const long = { className: "long", tabIndex: 0, role: "region", aria: { label: "Members" } };
  return h("div", ids.length > shownMembers ? long : {}, text);
}

/** Beyond so many they scroll. */
const shownMembers = 20;

function subscribers(connections) {
  const rows = connectionTable({ empty: "None.", isShort: true });
  rows.set(connections);
  return rows.element;
}
