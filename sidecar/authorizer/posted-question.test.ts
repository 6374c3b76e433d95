import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { questionBytes, readQuestion } from "./posted-question.ts";

const form = "application/x-www-form-urlencoded";

function read(type: string, text: string) {
  const body = Buffer.from(text);
  const headers = ["Content-Type", type, "Content-Length", String(body.length)];
  return questionBytes(headers) === null ? null : readQuestion(headers, body);
}

describe("Y24: a question at the auth endpoint", () => {
  const question = { socketId: "1.2", channel: "private-a=b" };

  it("is read as pusher-js, Echo with axios, and jQuery write it", () => {
    assert.deepEqual(read(form, "socket_id=1.2&channel_name=private-a%3Db"), question);
    const json = '{"socket_id":"1.2","channel_name":"private-a=b"}';
    assert.deepEqual(read("application/json", json), question);
    assert.deepEqual(read("application/json; charset=utf-8", json), question);
    assert.deepEqual(
      read(`${form};charset=UTF-8`, "channel_name=private-a%3Db&socket_id=1.2"),
      question,
    );
  });

  const others: Readonly<Record<string, readonly [type: string, text: string]>> = {
    "a batch": [form, "socket_id=1.2&channel_name[]=private-a&channel_name[]=private-b"],
    "parameters of the app's own": [form, "socket_id=1.2&channel_name=private-a&team=3"],
    "another method in it": [form, "_method=PUT&socket_id=1.2&channel_name=private-a"],
    "a field twice": [form, "socket_id=1.2&channel_name=private-a&channel_name=private-b"],
    "a name that begins with a question mark": [form, "?socket_id=1.2&channel_name=private-a"],
    "a name that PHP reads as another": [form, "socket_id=1.2&channel.name=private-a"],
    "no channel": [form, "socket_id=1.2"],
    "a channel that can't be": [form, "socket_id=1.2&channel_name=%23server-to-user-1"],
    "a list": ["application/json", '[{"socket_id":"1.2","channel_name":"private-a"}]'],
    "a batch in JSON": ["application/json", '{"socket_id":"1.2","channel_name":["private-a"]}'],
    "no JSON": ["application/json", '{"socket_id":"1.2"'],
    "a form as JSON": ["application/json", "socket_id=1.2&channel_name=private-a"],
    multipart: ["multipart/form-data; boundary=x", "--x--"],
    "no type": ["", "socket_id=1.2&channel_name=private-a"],
    nothing: [form, ""],
    "too much": [form, `socket_id=1.2&channel_name=private-${"a".repeat(2_048)}`],
  };
  for (const [what, [type, text]] of Object.entries(others)) {
    it(`is the app's alone: ${what}`, () => assert.equal(read(type, text), null));
  }

  it("is the app's alone: of unknown length, compressed, of two types, or to be read as another method", () => {
    for (const headers of [
      ["Content-Type", form, "Transfer-Encoding", "chunked"],
      ["Content-Type", form, "Content-Length", "10", "Content-Encoding", "gzip"],
      ["Content-Type", form, "Content-Type", "application/json", "Content-Length", "10"],
      ["Content-Type", form, "Content-Length", "10", "X-HTTP-Method-Override", "OPTIONS"],
    ]) {
      assert.equal(questionBytes(headers), null);
    }
  });
});
