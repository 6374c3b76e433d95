import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { channelSubject, findSubject, signinSubject, subjectKey } from "./subject.ts";

const subscribe = (data: unknown) => JSON.stringify({ event: "pusher:subscribe", data });

describe("the subject of a message that is refused unread", () => {
  const presence = channelSubject("presence-room");
  const channelData = JSON.stringify({
    user_id: "1",
    user_info: { channel: "private-other", about: "x".repeat(12_000) },
  });

  const messages: [title: string, text: string, subject: unknown][] = [
    ["a subscribe", subscribe({ channel: "news" }), channelSubject("news")],
    [
      "as pusher-js writes it, with the channel at the end",
      subscribe({ auth: "k:s", channel_data: channelData, channel: "presence-room" }),
      presence,
    ],
    [
      "with the channel at the beginning",
      subscribe({ channel: "presence-room", auth: "k:s", channel_data: channelData }),
      presence,
    ],
    [
      "with data in a JSON string",
      subscribe(
        JSON.stringify({ auth: "k:s", channel_data: channelData, channel: "presence-room" }),
      ),
      presence,
    ],
    [
      "with white space",
      '{ "event" : "pusher:subscribe" , "data" : { "channel" : "a" } }',
      channelSubject("a"),
    ],
    [
      "cut off in the middle",
      subscribe({ channel: "a", x: "x".repeat(9_999) }).slice(0, 5_000),
      channelSubject("a"),
    ],
    ["a signin", JSON.stringify({ event: "pusher:signin", data: { auth: "" } }), signinSubject],
    [
      "an unsubscribe",
      JSON.stringify({ event: "pusher:unsubscribe", data: { channel: "a" } }),
      null,
    ],
    ["a client event", JSON.stringify({ event: "client-x", channel: "a", data: {} }), null],
    ["a subscribe without a channel", subscribe({}), null],
    ["a channel that is none", subscribe({ channel: "a b" }), null],
    ["a name that is too long", subscribe({ channel: "x".repeat(257) }), null],
    ["garbage", "x", null],
    ["nothing", "", null],
  ];
  for (const [title, text, subject] of messages) {
    it(title, () => assert.deepEqual(findSubject(text), subject));
  }

  it("is what the message says, whatever else is in it and in whichever order", () => {
    const name = fc.stringMatching(/^[-a-zA-Z0-9_=@,.;]{1,100}$/);
    const fields = fc.record({ channel: name, auth: fc.string(), channel_data: fc.json() });
    const shuffled = fields.chain((data) =>
      fc.shuffledSubarray(Object.entries(data), { minLength: 3 }).map(Object.fromEntries),
    );
    fc.assert(
      fc.property(shuffled, fc.boolean(), fc.boolean(), (data, isText, isEventLast) => {
        const body = isText ? JSON.stringify(data) : data;
        const message = isEventLast
          ? { data: body, event: "pusher:subscribe" }
          : { event: "pusher:subscribe", data: body };
        const text = JSON.stringify(message);
        // In its first or last 512 characters.
        fc.pre(text.length <= 1_024);
        assert.deepEqual(findSubject(text), channelSubject(data.channel));
      }),
    );
  });

  it("no channel has the key of the signin", () => {
    assert.equal(subjectKey(signinSubject).startsWith("#"), true);
    assert.equal(subjectKey(channelSubject("a")), "a");
  });
});
