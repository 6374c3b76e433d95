/** The demo's page, second part: what happens behind it, and the buttons that break things. */

/* global boot, $, echo, showState */

const stage = `http://${window.location.hostname}:${boot.stagePort}`;
const storyList = $("#story");
const maxLines = 120;

function tell({ who, text, detail }, atMs) {
  const item = document.createElement("li");
  item.dataset.who = who;
  const time = document.createElement("time");
  time.textContent = new Date(atMs).toLocaleTimeString();
  const speaker = document.createElement("b");
  speaker.textContent = who;
  const words = document.createElement("span");
  words.textContent = text;
  if (detail) {
    const more = document.createElement("em");
    more.textContent = detail;
    words.append(more);
  }
  item.append(time, speaker, words);
  storyList.prepend(item);
  while (storyList.childElementCount > maxLines) storyList.lastElementChild.remove();
}

// What to look at, now that it is broken.
const hints = {
  none: "The page goes on through all of it. Press one, and watch the cards above and the lines below.",
  stopped:
    "Connections stay open, and so do the channels. Send something: it waits in the sidecar until the app is back, ten seconds at most. Join one more: the question waits too, and is asked again.",
  slow: "Send something, or join one more: it takes the app’s time and nobody else’s. Messages to other tabs come as before.",
  refuses:
    "Join one more: refused. Channels that were joined before stay; Restart the sidecar, and they have to ask again.",
  cut: "Everybody is in a tunnel, and the app goes on publishing. Watch Public lobby: what was missed comes when the line is whole again, all of it, in its order.",
  restarting:
    "Every connection was closed in order: pusher-js comes back after a second, and subscribes anew.",
};

function show({ app, isSlow, refuses, sidecar, line, metricsUrl }) {
  $("#metrics").href = metricsUrl;
  $("#metrics").textContent = metricsUrl;
  $("#console").href = new URL("/", metricsUrl || window.location).href;
  // The admin port is for this machine alone.
  $("#counted").hidden = !metricsUrl.includes(`//${window.location.hostname}:`);
  const states = [
    app === "stopped" && "stopped",
    line === "cut" && "cut",
    sidecar === "restarting" && "restarting",
    isSlow && "slow",
    refuses && "refuses",
  ].filter(Boolean);
  $("#hint").textContent = hints[states[0] ?? "none"];
  const words = {
    stopped: "the app is stopped",
    cut: "the line is cut",
    restarting: "the sidecar restarts",
    slow: "the app is slow",
    refuses: "the app says no",
  };
  const text = states.map((state) => words[state]).join(", ");
  showState($("#scene"), states.length === 0 ? "connected" : "failed", text || "all is well");
  $("#stop").textContent = app === "stopped" ? "Start the app again" : "Stop the app";
  $("#stop").dataset.do = app === "stopped" ? "start-app" : "stop-app";
  $("#slow").textContent = isSlow ? "Make it quick again" : "Slow the app down";
  $("#refuse").textContent = refuses ? "Let it say yes again" : "Let the app say no";
  $("#restart").disabled = sidecar === "restarting";
  $("#cut").disabled = line === "cut";
  for (const [id, pressed] of [
    ["#stop", app === "stopped"],
    ["#slow", isSlow],
    ["#refuse", refuses],
  ]) {
    $(id).setAttribute("aria-pressed", String(pressed));
  }
}

const story = new EventSource(`${stage}/story`);
// It sends everything anew when it comes back.
story.addEventListener("open", () => storyList.replaceChildren());
story.addEventListener("message", ({ data }) => {
  const told = JSON.parse(data);
  if (told.kind === "scene") show(told.scene);
  else tell(told.line, told.atMs);
});

$("#buttons").addEventListener("click", ({ target }) => {
  if (target.dataset.do) void fetch(`${stage}/do/${target.dataset.do}`, { method: "POST" });
});

let lostMs = null;
echo.connector.pusher.connection.bind("state_change", ({ previous, current }) => {
  if (previous === "connected") {
    lostMs = Date.now();
    tell(
      { who: "page", text: "The connection was closed; pusher-js comes back by itself." },
      lostMs,
    );
  } else if (current === "connected" && lostMs !== null) {
    const seconds = ((Date.now() - lostMs) / 1000).toFixed(1);
    tell({ who: "page", text: `Connected again after ${seconds} s.` }, Date.now());
    lostMs = null;
  }
});

$("#command").textContent = boot.ownApp;
$("#copy").addEventListener("click", async ({ target }) => {
  await navigator.clipboard.writeText(boot.ownApp);
  target.textContent = "Copied";
});
// Only pages by https, or of this machine, may copy.
$("#copy").hidden = navigator.clipboard === undefined;
