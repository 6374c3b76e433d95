/** What the page asks the node to do about events and refusals: send a test event, ask the app again. */

import { post } from "./api.js";
import { h } from "./dom.js";
import { feed } from "./feed.js";

/** A form that publishes as the app would. */
export function eventForm({ appId = null, channel = "" } = {}) {
  const apps = h("select", { name: "app" });
  for (const { id } of feed.figures?.apps ?? []) apps.append(new Option(id, id));
  if (appId !== null) apps.value = appId;
  const to = h("input", {
    name: "channel",
    required: true,
    value: channel,
    attributes: { maxlength: 256 },
  });
  const event = h("input", {
    name: "event",
    required: true,
    value: "test",
    attributes: { maxlength: 200 },
  });
  const data = h("textarea", { name: "data", value: '{"message": "Hello from the console"}' });
  const answer = h("p", { role: "status" });
  const send = h("button", { className: "main", textContent: "Send" });
  const form = h(
    "form",
    { className: "panel" },
    h(
      "div",
      { className: "controls" },
      h("label", { hidden: apps.options.length < 2 }, "App", apps),
      h("label", {}, "Channel", to),
      h("label", {}, "Event", event),
    ),
    h("label", {}, "Data", data),
    h("div", { className: "controls" }, send, answer),
  );
  form.addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    send.disabled = true;
    try {
      await post("publish", {
        appId: apps.value,
        channel: to.value,
        event: event.value,
        data: data.value,
      });
      answer.textContent = "Published, to every node.";
    } catch (error) {
      answer.textContent = error.message;
    }
    send.disabled = false;
  });
  return form;
}

/** A button that asks the app once more whether the subscribe that it is `about` is allowed, and what it answered. */
export function replayButton() {
  const answer = h("div", { className: "answer", role: "status", hidden: true });
  const button = h("button", { type: "button", textContent: "Ask the app again" });
  const replay = { about: null, element: h("div", { className: "replay" }, button, answer) };
  button.addEventListener("click", async () => {
    const { socketId, channel, worker } = replay.about;
    button.disabled = true;
    try {
      show(await post("replay", { socketId, channel }, worker));
    } catch (error) {
      show({ isAllowed: false, text: error.message, fix: null });
    }
    button.disabled = false;
  });
  return replay;

  function show({ isAllowed, text, fix }) {
    answer.hidden = false;
    answer.classList.toggle("good", isAllowed);
    answer.replaceChildren(
      h("p", { textContent: text }),
      fix ? h("p", {}, h("strong", { textContent: "To do: " }), fix) : "",
    );
  }
}
