import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sign } from "./signature.ts";
import { createTestNode, errorMessage } from "./testing/doubles.ts";

function signin(socketId: string, userData: string, secret = "app-secret", key = "app-key") {
  const auth = `${key}:${sign(secret, `${socketId}::user::${userData}`)}`;
  return { event: "pusher:signin", data: { auth, user_data: userData } };
}

describe("pusher:signin", () => {
  it("is answered with the user data, verbatim", () => {
    const client = createTestNode().connect();
    const userData = '{"id":"7","user_info":{"name":"Ännchen"},"watchlist":["8"]}';
    assert.deepEqual(client.say(signin(client.socketId, userData)), [
      { event: "pusher:signin_success", data: JSON.stringify({ user_data: userData }) },
    ]);
    assert.deepEqual(client.connection.user, { id: "7", info: { name: "Ännchen" } });
  });

  it("a wrong signature, another's, and one of another app are refused; the connection stays", () => {
    const client = createTestNode().connect();
    const userData = '{"id":"7"}';
    for (const message of [
      signin("9.9", userData),
      signin(client.socketId, userData, "wrong"),
      signin(client.socketId, userData, "app-secret", "other"),
    ]) {
      assert.deepEqual(client.say(message), [errorMessage(4009, "Connection is unauthorized")]);
    }
    assert.equal(client.connection.user, null);
    assert.equal(client.transport.closed, null);
  });

  for (const userData of ["x", "[]", "{}", '{"id":""}', '{"id":null}', '{"id":{}}']) {
    it(`user data ${userData} is answered 4200`, () => {
      const client = createTestNode().connect();
      assert.deepEqual(client.say(signin(client.socketId, userData)), [
        errorMessage(4200, "Invalid message format"),
      ]);
    });
  }

  it("a numeric id is read as its digits", () => {
    const client = createTestNode().connect();
    client.say(signin(client.socketId, '{"id":7}'));
    assert.equal(client.connection.user?.id, "7");
  });

  it("U01: events of a user's own channel reach all connections of that user, and nobody else", () => {
    const node = createTestNode();
    const [one, two, other] = [node.connect(), node.connect(), node.connect()];
    for (const client of [one, two]) client.say(signin(client.socketId, '{"id":"7"}'));
    other.say(signin(other.socketId, '{"id":"8"}'));
    const channel = "#server-to-user-7";
    const event = { appId: "app-id", channel, event: "e", dataJson: '"d"' };
    assert.equal(node.hub.broadcast(event), 2);
    assert.deepEqual(one.transport.take(), [{ event: "e", channel, data: "d" }]);
    assert.deepEqual(two.transport.take().length, 1);
    assert.deepEqual(other.transport.take(), []);
    two.disconnect();
    assert.equal(node.hub.broadcast(event), 1);
  });

  it("U02: who signs in as another user no longer hears of the first", () => {
    const node = createTestNode();
    const client = node.connect();
    client.say(signin(client.socketId, '{"id":"7"}'));
    client.say(signin(client.socketId, '{"id":"8"}'));
    const event = { appId: "app-id", event: "e", dataJson: '"d"' };
    assert.equal(node.hub.broadcast({ ...event, channel: "#server-to-user-7" }), 0);
    assert.equal(node.hub.broadcast({ ...event, channel: "#server-to-user-8" }), 1);
    assert.equal(node.hub.terminateUser("7"), 0);
    assert.equal(node.hub.terminateUser("8"), 1);
  });
});
