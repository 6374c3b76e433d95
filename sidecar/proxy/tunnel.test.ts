import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex, PassThrough } from "node:stream";
import { test } from "node:test";
import { createTunnel, watchUnread } from "./tunnel.ts";

test("the end of a stream that nobody reads is noticed once", async () => {
  const stream = new PassThrough();
  let left = 0;
  watchUnread(stream, () => (left += 1));
  stream.end();
  await once(stream, "close");
  assert.equal(left, 1);
});

test("data that arrives before anybody reads stays in the socket, and watching can stop", async () => {
  const stream = new PassThrough();
  const stop = watchUnread(stream, () => assert.fail("nobody left"));
  stream.write("early");
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(stream.readableLength, 5);

  stop();
  const read: string[] = [];
  stream.on("data", (chunk: Buffer) => read.push(chunk.toString()));
  stream.end(" and late");
  await once(stream, "end");
  assert.equal(read.join(""), "early and late");
});

test("when one of two tied sockets ends, the other writes what it has and closes", async () => {
  const written: string[] = [];
  const slow = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      setImmediate(() => {
        written.push(chunk.toString());
        done();
      });
    },
  });
  const leaving = new PassThrough();
  createTunnel(leaving, slow, "");
  slow.write("1");
  slow.write("2");
  leaving.destroy();
  await once(slow, "close");
  assert.deepEqual(written, ["1", "2"]);
});
