import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sign } from "../core/signature.ts";
import { testApp } from "../core/testing/doubles.ts";
import { readAuthAnswer, readUserAuthAnswer } from "./auth-answer.ts";

const socketId = "1.2";

function authFor(text: string, { key = testApp.key, secret = testApp.secret } = {}): string {
  return `${key}:${sign(secret, text)}`;
}

function read(channel: string, body: unknown): ReturnType<typeof readAuthAnswer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return readAuthAnswer(Buffer.from(text), { app: testApp, socketId, channel });
}

describe("readAuthAnswer", () => {
  it("proxy A6: a private channel needs a signature", () => {
    const auth = authFor("1.2:private-a");
    assert.deepEqual(read("private-a", { auth }), { ok: true, auth });
  });

  it("proxy A6: a presence channel needs channel_data, signed byte by byte", () => {
    const channel_data = '{"user_id":"7",  "user_info":{"name":"J\\u00fcrgen \u00fc"}}';
    const auth = authFor(`1.2:presence-a:${channel_data}`);
    assert.deepEqual(read("presence-a", { auth, channel_data }), {
      ok: true,
      auth,
      channelData: channel_data,
    });
  });

  it("a byte order mark before the JSON is skipped", () => {
    const auth = authFor("1.2:private-a");
    assert.deepEqual(read("private-a", `\ufeff${JSON.stringify({ auth })}`), { ok: true, auth });
  });

  it("proxy A6: channel_data of a private channel is part of what was signed", () => {
    const channel_data = '{"user_id":"7"}';
    const auth = authFor(`1.2:private-a:${channel_data}`);
    assert.equal(read("private-a", { auth, channel_data }).ok, true);
    assert.equal(read("private-a", { auth }).ok, false);
  });

  const wrongSignatures: [title: string, auth: string][] = [
    ["another app's key", authFor("1.2:private-a", { key: "other" })],
    ["another app's secret", authFor("1.2:private-a", { secret: "other" })],
    ["another socket's signature", authFor("1.3:private-a")],
    ["another channel's signature", authFor("1.2:private-b")],
    ["no key", sign(testApp.secret, "1.2:private-a")],
    ["upper-case hex", authFor("1.2:private-a").toUpperCase()],
    ["half a signature", authFor("1.2:private-a").slice(0, -1)],
  ];
  for (const [title, auth] of wrongSignatures) {
    it(`proxy A6: ${title} is denied as invalid_signature`, () => {
      assert.deepEqual(read("private-a", { auth }), { ok: false, reason: "invalid_signature" });
    });
  }

  it("proxy A6: channel_data that was not signed is denied", () => {
    const auth = authFor("1.2:presence-a");
    const answer = read("presence-a", { auth, channel_data: '{"user_id":"1"}' });
    assert.deepEqual(answer, { ok: false, reason: "invalid_signature" });
  });

  const auth = authFor("1.2:presence-a");
  const faults: [title: string, body: unknown, reason: string][] = [
    ["an empty body", "", "invalid_response_json"],
    ["true (Laravel's redis driver)", "true", "invalid_response_json"],
    ["a login page", "<!DOCTYPE html><html></html>", "invalid_response_json"],
    ["an array", [auth], "invalid_response_json"],
    ["null", "null", "invalid_response_json"],
    ["a text", JSON.stringify(auth), "invalid_response_json"],
    ["half an object", '{"auth":"', "invalid_response_json"],
    [
      "something too deep",
      `{"a":${"[".repeat(8_000)}${"]".repeat(8_000)}}`,
      "invalid_response_json",
    ],
    ["no auth", {}, "missing_signature"],
    ["channel_data alone", { channel_data: "{}" }, "missing_signature"],
    ["an empty auth", { auth: "" }, "missing_signature"],
    ["auth null", { auth: null }, "missing_signature"],
    ["auth an array", { auth: [auth] }, "missing_signature"],
    ["presence without channel_data", { auth }, "missing_channel_data"],
    ["presence with empty channel_data", { auth, channel_data: "" }, "missing_channel_data"],
    ["presence with an object", { auth, channel_data: { user_id: 1 } }, "missing_channel_data"],
  ];
  for (const [title, body, reason] of faults) {
    it(`proxy A7: ${title} is denied as ${reason}`, () => {
      assert.deepEqual(read("presence-a", body), { ok: false, reason });
    });
  }

  it("proxy A26: shared_secret is passed on for encrypted channels, and for no others", () => {
    const shared_secret = "c2VjcmV0";
    for (const channel of ["private-encrypted-a", "private-encrypted-cache-a"]) {
      const auth = authFor(`1.2:${channel}`);
      assert.deepEqual(read(channel, { auth, shared_secret }), {
        ok: true,
        auth,
        sharedSecret: shared_secret,
      });
    }
    const auth = authFor("1.2:private-a");
    assert.deepEqual(read("private-a", { auth, shared_secret }), { ok: true, auth });
  });

  it("proxy A26: an encrypted channel is as private as any", () => {
    const answer = read("private-encrypted-a", { auth: "app-key:0", shared_secret: "x" });
    assert.deepEqual(answer, { ok: false, reason: "invalid_signature" });
  });
});

describe("readAuthAnswer of an app that signs nothing", () => {
  const app = { ...testApp, acceptsUnsignedAnswers: true };
  const unsigned = (channel: string, body: string) =>
    readAuthAnswer(Buffer.from(body), { app, socketId, channel });
  const member = '{"channel_data":{"user_id":9007199254740993,"user_info":{"name":"Ann"}}}';

  it("R08: true is a private channel's yes, and is signed in the app's place", () => {
    const auth = authFor("1.2:private-a");
    for (const body of ["true", " true\n", "\ufefftrue"]) {
      assert.deepEqual(unsigned("private-a", body), { ok: true, auth });
    }
    // Laravel's, where the channel's callback returns something else than true.
    assert.deepEqual(unsigned("private-a", member), { ok: true, auth });
  });

  it("R08: channel_data makes a member, whose id keeps its digits", () => {
    const channelData = '{"user_id":9007199254740993,"user_info":{"name":"Ann"}}';
    const auth = authFor(`1.2:presence-a:${channelData}`);
    assert.deepEqual(unsigned("presence-a", member), { ok: true, auth, channelData });
  });

  it("R08: a signed answer is held to its signature", () => {
    const auth = authFor("1.2:private-a");
    assert.deepEqual(unsigned("private-a", JSON.stringify({ auth })), { ok: true, auth });
    for (const body of ['{"auth":"app-key:0"}', '{"auth":"app-key:0","channel_data":{}}']) {
      assert.equal(unsigned("private-a", body).ok, false, body);
    }
  });

  const refused: readonly (readonly [channel: string, body: string, reason: string])[] = [
    ["private-a", "", "invalid_response_json"],
    ["private-a", "false", "invalid_response_json"],
    ["private-a", "null", "invalid_response_json"],
    ["private-a", "1", "invalid_response_json"],
    ["private-a", '"true"', "invalid_response_json"],
    ["private-a", "[true]", "invalid_response_json"],
    ["private-a", "<html>true</html>", "invalid_response_json"],
    ["private-a", "{}", "missing_signature"],
    ["private-a", '{"ok":true}', "missing_signature"],
    ["private-a", '{"channel_data":"x"}', "missing_signature"],
    ["presence-a", "true", "missing_channel_data"],
    ["presence-a", "{}", "missing_signature"],
    ["private-encrypted-a", "true", "invalid_response_json"],
    ["private-encrypted-a", member, "missing_signature"],
  ];
  for (const [channel, body, reason] of refused) {
    it(`R08: ${body || "nothing"} is no yes for ${channel}`, () => {
      assert.deepEqual(unsigned(channel, body), { ok: false, reason });
    });
  }

  it("R08: without the option nothing unsigned counts", () => {
    for (const body of ["true", member]) assert.equal(read("private-a", body).ok, false, body);
  });

  it("R08: a signin needs a signature all the same", () => {
    const body = Buffer.from('{"id":"1","user_info":{}}');
    assert.deepEqual(readUserAuthAnswer(body, { app, socketId }), {
      ok: false,
      reason: "missing_signature",
    });
  });
});

describe("readUserAuthAnswer", () => {
  const readUser = (body: unknown) =>
    readUserAuthAnswer(Buffer.from(JSON.stringify(body)), { app: testApp, socketId });
  const user_data = '{"id":"7","user_info":{"name":"Ann"}}';
  const auth = authFor(`1.2::user::${user_data}`);

  it("U06: an answer has auth and the user_data it signs, byte by byte", () => {
    assert.deepEqual(readUser({ auth, user_data }), { ok: true, auth, userData: user_data });
  });

  const faults: [title: string, body: unknown, reason: string][] = [
    ["no object", [], "invalid_response_json"],
    ["no auth", { user_data }, "missing_signature"],
    ["no user_data", { auth }, "missing_user_data"],
    ["user_data that is no text", { auth, user_data: { id: "7" } }, "missing_user_data"],
    ["another user_data", { auth, user_data: '{"id":"8"}' }, "invalid_signature"],
    ["a channel's signature", { auth: authFor("1.2:private-a"), user_data }, "invalid_signature"],
  ];
  for (const [title, body, reason] of faults) {
    it(`U06: ${title} is refused`, () => assert.deepEqual(readUser(body), { ok: false, reason }));
  }
});
