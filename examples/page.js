/** The demo's page: three channels with Laravel Echo and pusher-js as their packages ship them. */

/* global Echo */

const boot = JSON.parse(document.getElementById("boot").textContent);
const $ = (selector) => document.querySelector(selector);

// Tabs share their cookies. This one is written again before each handshake and each request, so that every
// tab stays who it is.
const beMyself = () => {
  document.cookie = `demo_name=${encodeURIComponent(boot.name)}; Path=/; SameSite=Lax`;
};
const post = (path, fields) => {
  beMyself();
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(fields) });
};

// pusher-js asks this before it subscribes to a private or presence channel.
async function authorizeChannel({ channelName, socketId }, callback) {
  // No signature: the sidecar asks the app itself.
  if (channelName.startsWith("private-")) return callback(null, { auth: "" });
  // The usual way: the browser asks the app, through the sidecar.
  try {
    const fields = { socket_id: socketId, channel_name: channelName };
    const response = await post("/broadcasting/auth", fields);
    if (!response.ok) throw new Error(`/broadcasting/auth answered ${response.status}`);
    callback(null, await response.json());
  } catch (error) {
    callback(error, null);
  }
}

// What this page is known by when it comes back, so that it gets what it missed (docs/recovery.md). Where pages come
// by https, `crypto.randomUUID()` is shorter.
const token = [...crypto.getRandomValues(new Uint8Array(16))]
  .map((byte) => byte.toString(16).padStart(2, "0"))
  .join("");

beMyself();
const echo = new Echo.default({
  broadcaster: "reverb",
  key: boot.key,
  wsHost: window.location.hostname,
  wsPort: Number(window.location.port) || 80,
  wssPort: Number(window.location.port) || 443,
  wsPath: `/r/${token}`,
  forceTLS: window.location.protocol === "https:",
  enabledTransports: ["ws", "wss"],
  channelAuthorization: { customHandler: authorizeChannel },
});
echo.connector.pusher.connection.bind("connecting", beMyself);

const showState = (element, state, text = state) => {
  element.hidden = false;
  element.dataset.is = state;
  element.textContent = text;
};
const connectionNames = {
  connected: "connected",
  connecting: "connecting",
  reconnecting: "coming back",
};
const showConnection = () => {
  const status = echo.connectionStatus();
  showState($("#connection"), status, connectionNames[status] ?? status);
};
echo.connector.onConnectionChange(showConnection);
// A subscribe that nobody could answer so far is asked again; a page that comes back subscribes anew.
echo.connector.pusher.connection.bind("connecting", () => {
  for (const panel of ["#public", "#private", "#presence"]) {
    showState($(`${panel} .head .state`), "waiting", "waiting");
  }
});

// A line for a list: text, and the time if it is an event.
function line(text, className) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  words.textContent = text;
  item.append(words);
  if (className) item.className = className;
  else {
    const time = document.createElement("time");
    time.textContent = new Date().toLocaleTimeString();
    item.append(time);
  }
  return item;
}

// A panel that shows a channel's events and has a field to send one.
function panel(selector, channel, name) {
  const list = $(`${selector} ul`);
  const state = $(`${selector} .head .state`);
  list.append(line("No event yet.", "note empty"));
  showState(state, "waiting", "waiting");
  channel
    .subscribed(() => showState(state, "subscribed"))
    .error((error) => showState(state, "refused", `refused (${error.status ?? error.error})`))
    .listen(".message", ({ from, text }) => {
      list.querySelector(".empty")?.remove();
      list.prepend(line(`${from}: ${text}`));
      while (list.childElementCount > 20) list.lastElementChild.remove();
    });
  $(`${selector} form`).addEventListener("submit", async (event) => {
    event.preventDefault();
    const { text } = event.target.elements;
    if (text.value.trim() === "") return text.focus();
    const waits = line(`${text.value}: waits for the app`, "note");
    const patience = setTimeout(() => list.prepend(waits), 400);
    const problem = await post("/messages", { channel: name, text: text.value }).then(
      ({ ok, status }) =>
        ok ? null : `${status}, from ${status > 500 ? "the sidecar" : "the app"}`,
      () => "nobody answered",
    );
    clearTimeout(patience);
    waits.remove();
    if (problem !== null) list.prepend(line(`Not sent: ${problem}`, "bad"));
    text.select();
  });
}
panel("#public", echo.channel("lobby"), "lobby");
panel("#private", echo.private("orders"), "private-orders");

// Asks for a private channel, and shows how long the answer took.
function join(name, as) {
  const outcome = $("#joined");
  const startedMs = performance.now();
  const after = () => `after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  showState(outcome, "waiting", `${name}: asking the app`);
  echo
    .private(name)
    .subscribed(() => showState(outcome, "subscribed", `${name}: joined ${after()}`))
    .error(({ status }) =>
      showState(outcome, "refused", `${name}: refused (${status})${as} ${after()}`),
    );
}
let joined = 0;
$("#another").addEventListener("click", () => join(`orders.${++joined}`, ""));
$("#refused").addEventListener("click", ({ target }) => {
  target.disabled = true; // pusher-js asks once for a channel that the server refused
  join("payroll", ", as it should be,");
});

const members = new Set();
const showMembers = () => {
  const sorted = [...members].toSorted((a, b) => a.localeCompare(b));
  const label = (name) => (name === boot.name ? `${name} (you)` : name);
  $("#presence ul").replaceChildren(...sorted.map((name) => line(label(name), "member")));
  const count = members.size === 1 ? "1 member" : `${members.size} members`;
  showState($("#presence .head .state"), "subscribed", count);
};
const room = echo
  .join("room")
  .here((present) => {
    members.clear();
    for (const { name } of present) members.add(name);
    showMembers();
  })
  .joining(({ name }) => showMembers(members.add(name)))
  .leaving(({ name }) => showMembers(members.delete(name)))
  .error((error) => showState($("#presence .head .state"), "refused", String(error.error)))
  .listenForWhisper("wave", ({ name }) => {
    showState($("#waved"), "subscribed", `${name} waved, browser to browser`);
  });
$("#wave").addEventListener("click", () => {
  room.whisper("wave", { name: boot.name });
  showState($("#waved"), "subscribed", "the others have seen it");
});

const address = (name) => `/?${new URLSearchParams({ name })}`;
const others = boot.names.filter((name) => name !== boot.name);
const next = others[boot.names.indexOf(boot.name) % others.length] ?? others[0];
$("#name").textContent = boot.name;
document.title = `${boot.name} · Pogo Sidecar demo`;
$("#other").href = address(next);
$("#other").textContent = `Open a second tab as ${next}`;
$("#names").replaceChildren(
  ...others.flatMap((name, index) => {
    const link = document.createElement("a");
    link.href = address(name);
    link.textContent = name;
    return index === 0 ? [link] : [index === others.length - 1 ? " or " : ", ", link];
  }),
);
