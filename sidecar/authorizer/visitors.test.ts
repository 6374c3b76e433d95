import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { Visitors } from "./visitors.ts";

const ada = { cookie: "laravel_session=s3cr3t", authorization: "" };
const asker = { appId: "1", address: "203.0.113.9", socketId: "1.2", credentials: ada };
const unproven = { address: "203.0.113.9", session: "1.2", isProven: false };

describe("Visitors", () => {
  it("is a connection until the app has accepted its credentials, and then a session whatever its connection", () => {
    const visitors = new Visitors(Buffer.from("key"));
    assert.deepEqual(visitors.placeOf(asker), unproven);
    visitors.prove("1", ada);
    const place = visitors.placeOf(asker);
    assert.equal(place.isProven, true);
    assert.deepEqual(visitors.placeOf({ ...asker, socketId: "3.4" }), place);
  });

  it("knows credentials of this app and of exactly these bytes alone", () => {
    const visitors = new Visitors(Buffer.from("key"));
    visitors.prove("1", ada);
    for (const other of [
      { ...asker, appId: "2" },
      { ...asker, credentials: { ...ada, authorization: "Bearer x" } },
      { ...asker, credentials: { cookie: "", authorization: ada.cookie } },
      { ...asker, credentials: { ...ada, cookie: `${ada.cookie};` } },
    ]) {
      assert.deepEqual(visitors.placeOf(other), unproven);
    }
  });

  it("a visitor without credentials is never a session", () => {
    const visitors = new Visitors(Buffer.from("key"));
    const nothing = { cookie: "", authorization: "" };
    visitors.prove("1", nothing);
    assert.deepEqual(visitors.placeOf({ ...asker, credentials: nothing }), unproven);
  });

  it("keeps nothing that could be used, and the same of no two processes", () => {
    const [one, other] = [new Visitors(Buffer.from("a")), new Visitors(Buffer.from("b"))];
    one.prove("1", ada);
    other.prove("1", ada);
    assert.notEqual(one.placeOf(asker).session, other.placeOf(asker).session);
    assert.doesNotMatch(inspect([one, one.placeOf(asker)], { depth: null }), /s3cr3t|laravel/);
  });

  it("forgets who was longest away", () => {
    const visitors = new Visitors(Buffer.from("key"));
    visitors.prove("1", ada);
    for (let i = 0; i < 20_000; i++) visitors.prove("1", { ...ada, cookie: String(i) });
    assert.equal(visitors.placeOf(asker).isProven, false);
  });
});
