/** The page of the small app: subscribes to the channels in its address, and keeps what came of each. */

/* global Echo */

const query = new URLSearchParams(window.location.search);
const echo = new Echo.default({
  broadcaster: "reverb",
  key: document.getElementById("key").textContent.trim(),
  wsHost: window.location.hostname,
  wsPort: window.location.port,
  forceTLS: false,
  enabledTransports: ["ws", "wss"],
  ...(query.has("impatient") && { activityTimeout: 1_000, pongTimeout: 1_000 }),
  ...(query.has("token") && { wsPath: `/r/${crypto.randomUUID()}` }),
});

/** What the test reads: numbers, gaps, and changes among members, by channel, in their order. */
const seen = {};
const gaps = {};
const members = {};
/** How often each channel was subscribed. */
const subscribed = {};
/** Each state of the connection so far. */
const states = [];
Object.assign(window, { echo, seen, gaps, members, subscribed, states });
echo.connector.pusher.connection.bind("state_change", ({ current }) => states.push(current));

function join(name) {
  if (name.startsWith("private-")) return echo.private(name.slice("private-".length));
  if (!name.startsWith("presence-")) return echo.channel(name);
  return echo
    .join(name.slice("presence-".length))
    .joining(({ name: user }) => members[name].push(`+${user}`))
    .leaving(({ name: user }) => members[name].push(`-${user}`));
}

for (const name of query.getAll("channel")) {
  seen[name] = [];
  gaps[name] = [];
  members[name] = [];
  subscribed[name] = 0;
  join(name)
    .subscribed(() => (subscribed[name] += 1))
    .listen(".numbered", ({ n }) => seen[name].push(n))
    .listen(".pogo:gap", ({ reason }) => gaps[name].push(reason));
}
