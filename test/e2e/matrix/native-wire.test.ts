/** Proves that the native client is strict: a matrix over one that takes anything would say nothing. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { afterClose, decoders, readMessage } from "./native-wire.ts";

const presence = (hash: unknown, ids: unknown = [1], count: unknown = 1) =>
  message(
    "pusher_internal:subscription_succeeded",
    { presence: { count, ids, hash } },
    "presence-x",
  );

function message(event: string, data: object, channel?: string): string {
  return JSON.stringify({ event, data: JSON.stringify(data), channel });
}

describe("the native client takes", () => {
  for (const text of [
    message("pusher:connection_established", { socket_id: "1.2", activity_timeout: 30 }),
    message("pusher_internal:subscription_succeeded", {}, "news"),
    presence({ 1: { name: "Ada" } }),
    presence({}, [], 0),
    message("pusher:error", { code: 4009, message: "No" }),
    message("pusher:signin_error", { type: "AuthError", error: "No", status: 403 }),
    '{"event":"pusher:pong"}',
    '{"event":"pusher:cache_miss","channel":"cache-x"}',
    '{"event":"greeting","channel":"news","data":"plain"}',
    '{"event":"client-typing","channel":"private-x","data":{"a":1}}',
  ]) {
    test(text, () => assert.doesNotThrow(() => readMessage(text, decoders.java)));
  }
});

describe("the native client refuses", () => {
  for (const [what, text] of [
    ["no JSON", "hello"],
    ["no event", '{"data":"{}"}'],
    ["no data (Soketi)", '{"event":"pusher_internal:subscription_succeeded","channel":"news"}'],
    ["data that is an object", '{"event":"pusher:error","data":{"code":4009,"message":"No"}}'],
    ["data that is a list", '{"event":"pusher:error","data":"[]"}'],
    ["no channel", message("pusher_internal:subscription_succeeded", {})],
    ["an unknown event", message("pusher_internal:greeting", {})],
    [
      "a socket id of another form",
      message("pusher:connection_established", { socket_id: "a", activity_timeout: 30 }),
    ],
    ["no activity timeout", message("pusher:connection_established", { socket_id: "1.2" })],
    ["no presence", message("pusher_internal:subscription_succeeded", {}, "presence-x")],
    ["a hash that is a list (Reverb)", presence([{ name: "Ada" }], [0])],
    ["a member without a hash", presence({})],
    ["a wrong count", presence({ 1: {} }, [1], 2)],
    [
      "a member without info",
      message("pusher_internal:member_added", { user_id: "1" }, "presence-x"),
    ],
    ["a numeric id of a user", message("pusher:signin_success", { user_data: '{"id":7}' })],
    ["data of an event that is an object", '{"event":"greeting","channel":"news","data":{"a":1}}'],
  ] as const) {
    test(what, () => assert.throws(() => readMessage(text, decoders.java)));
  }
});

describe("Swift and .NET read an error's data as an object alone, and all other data as a string", () => {
  const asObject = '{"event":"pusher:error","data":{"code":4009,"message":"No"}}';
  for (const decoder of [decoders.swift, decoders.dotnet]) {
    test(decoder.client, () => {
      assert.doesNotThrow(() => readMessage(asObject, decoder));
      const asString = message("pusher:error", { code: 4009, message: "No" });
      assert.throws(() => readMessage(asString, decoder));
      const established = { socket_id: "1.2", activity_timeout: 30 };
      const event = "pusher:connection_established";
      assert.doesNotThrow(() => readMessage(message(event, established), decoder));
      assert.throws(() => readMessage(JSON.stringify({ event, data: established }), decoder));
    });
  }
});

describe("the native client knows closes by their range", () => {
  for (const [code, expected] of [
    [1000, "again after a while"],
    [1006, "again after a while"],
    [3999, "again after a while"],
    [4000, "give up"],
    [4099, "give up"],
    [4100, "again after a while"],
    [4199, "again after a while"],
    [4200, "again at once"],
    [4299, "again at once"],
    [4300, "give up"],
  ] as const) {
    test(`${code}: ${expected}`, () => assert.equal(afterClose(code), expected));
  }
});
