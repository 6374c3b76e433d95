import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { requestOf } from "../testing/raw-upstream.ts";
import { Upload } from "./upload.ts";

test("while a body waits no more of it is read than came first", async (t) => {
  for (const framing of ["length", "chunked"]) {
    const server = createServer();
    const client = await connectRaw(t, await listen(t, server));
    const head = framing === "length" ? "Content-Length: 9000000" : "Transfer-Encoding: chunked";
    const chunk = `400\r\n${"x".repeat(1_024)}\r\n`;
    client.write(requestOf("POST", "/", [head], chunk.repeat(2_000)));
    const [req] = await once(server, "request");
    const { promise: first, resolve } = Promise.withResolvers<void>();
    const upload = new Upload({ req, visitor: "", onFirst: resolve, onChunk: () => {} });
    await first;
    for (let index = 0; index < 100; index += 1) await turn();
    assert.ok(req.socket.bytesRead > 0);
    assert.ok(req.socket.bytesRead <= 65_536, `${framing}: ${req.socket.bytesRead}`);
    // Who is refused meanwhile is read again, so that the client gets to see why.
    upload.stop();
    while (req.socket.bytesRead < chunk.length * 2_000) await turn();
    client.reset();
    await once(req, "close").catch(() => undefined);
  }
});

test("however fast the app takes a body, or it is dropped, no more of it is read in a turn of the event loop than of all together", async (t) => {
  for (const way of ["sent", "dropped"]) {
    const server = createServer();
    const client = await connectRaw(t, await listen(t, server));
    const length = 4 * 1_048_576;
    client.write(requestOf("POST", "/", [`Content-Length: ${length}`]));
    client.write(Buffer.alloc(length));
    const [req] = await once(server, "request");
    req.on("error", () => undefined);
    let sent = 0;
    /** Full after each piece, and empty at once. */
    const call = {
      write(chunk: Buffer) {
        sent += chunk.length;
        process.nextTick(() => upload.resume());
        return false;
      },
      end: () => {},
    };
    const onFirst = (): void => (way === "sent" ? upload.begin(call) : upload.stop());
    const upload: Upload = new Upload({ req, visitor: "", onFirst, onChunk: () => {} });
    let most = 0;
    const isThrough = () => (way === "sent" ? sent === length : req.complete);
    for (let before = 0; !isThrough(); before = req.socket.bytesRead) {
      await turn();
      most = Math.max(most, req.socket.bytesRead - before);
    }
    assert.ok(most <= 5 * 65_536, `${way}: ${most} bytes`);
    client.reset();
  }
});

test("chunks of one byte go on in one piece a turn, before and behind the beginning, and none is lost", async (t) => {
  for (const waits of [false, true]) {
    const server = createServer();
    const client = await connectRaw(t, await listen(t, server));
    client.write(requestOf("POST", "/", ["Transfer-Encoding: chunked"]));
    const bytes = "abcdefghij".repeat(2_000);
    client.write(`${bytes.replace(/./g, "1\r\n$&\r\n")}0\r\n\r\n`);
    const [req] = await once(server, "request");
    const written: Buffer[] = [];
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const call = { write: (chunk: Buffer) => written.push(chunk) > 0, end };
    const { promise: first, resolve: onFirst } = Promise.withResolvers<void>();
    const begin = (): void => upload.begin(call);
    const upload: Upload = new Upload({
      req,
      visitor: "",
      onFirst: waits ? onFirst : begin,
      onChunk: () => {},
    });
    if (waits) {
      await first;
      for (let index = 0; index < 3; index += 1) await turn();
      begin();
    }
    await ended;
    assert.equal(Buffer.concat(written).toString(), bytes);
    assert.ok(written.length < 20, `${written.length} writes`);
    client.reset();
  }
});
