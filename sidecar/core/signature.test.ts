import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  checkChannelSignature,
  checkUserSignature,
  isSignatureOf,
  md5,
  sign,
} from "./signature.ts";

/** The worked examples of Pusher's documentation ("Authorization signatures", "HTTP API"). */
const credentials = { key: "278d425bdf160c739803", secret: "7ad3773142a6692b25b8" };

describe("signatures", () => {
  it("agree with Pusher's worked example of a private channel", () => {
    const auth =
      "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
    const subject = { socketId: "1234.1234", channel: "private-foobar" };
    assert.deepEqual(checkChannelSignature(credentials, subject, auth), { ok: true });
  });

  it("agree with Pusher's worked example of a presence channel", () => {
    const auth =
      "278d425bdf160c739803:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80";
    const subject = {
      socketId: "1234.1234",
      channel: "presence-foobar",
      channelData: '{"user_id":10,"user_info":{"name":"Mr. Channels"}}',
    };
    assert.deepEqual(checkChannelSignature(credentials, subject, auth), { ok: true });
  });

  it("of a user cover the user data and the socket", () => {
    const userData = '{"id":"12345"}';
    const auth = `${credentials.key}:${sign(credentials.secret, `1.1::user::${userData}`)}`;
    assert.deepEqual(checkUserSignature(credentials, { socketId: "1.1", userData }, auth), {
      ok: true,
    });
    const other = checkUserSignature(credentials, { socketId: "1.2", userData }, auth);
    assert.deepEqual(other, { ok: false, fault: "mismatch" });
  });

  it("are refused if malformed or made for something else; a foreign key is named", () => {
    const check = (auth: string) =>
      checkChannelSignature(credentials, { socketId: "1.1", channel: "private-a" }, auth);
    assert.deepEqual(check("nocolon"), { ok: false, fault: "malformed" });
    assert.deepEqual(check(":abc"), { ok: false, fault: "malformed" });
    assert.deepEqual(check("k:abc"), { ok: false, fault: "wrong_key", sentKey: "k" });
    assert.deepEqual(check(`${credentials.key}:abc`), { ok: false, fault: "mismatch" });
  });

  it("are right for exactly one text", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        assert.equal(isSignatureOf("s", other, sign("s", text)), text === other);
        assert.equal(isSignatureOf("t", text, sign("s", text)), false);
      }),
    );
  });

  it("md5 of a body is hex", () => {
    assert.equal(md5(Buffer.from("")), "d41d8cd98f00b204e9800998ecf8427e");
  });
});
