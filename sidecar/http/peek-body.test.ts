import assert from "node:assert/strict";
import { createServer } from "node:http";
import { it } from "node:test";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { peekBody } from "./peek-body.ts";

/** Answers with what it saw of the body, and with what it then read of it, a while later if so wanted. */
async function startPeeker(test: { after: (run: () => unknown) => void }, isLater: boolean) {
  const server = createServer((req, res) => {
    const bytes = Number(req.headers["content-length"]);
    peekBody(req, bytes, (body) => {
      const wasComplete = req.complete;
      const read: Buffer[] = [];
      const go = (): void => {
        req.on("data", (piece: Buffer) => read.push(piece));
        req.on("end", () =>
          res.end(JSON.stringify([String(body), String(Buffer.concat(read)), wasComplete])),
        );
        req.resume();
      };
      if (isLater) setTimeout(go, 20);
      else go();
    });
  });
  return listen(test, server);
}

for (const isLater of [false, true]) {
  const when = isLater ? "later" : "at once";
  it(`a body that is looked at is there for who reads it ${when}, in however many pieces it came`, async (t) => {
    const port = await startPeeker(t, isLater);
    for (const pieces of [["a=1&b=2"], ["a=1", "&b=2"], "a=1&b=2".split("")]) {
      const socket = await connectRaw(t, port);
      socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n");
      for (const piece of pieces) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        socket.write(piece);
      }
      await socket.until("]");
      assert.match(socket.text, /\["a=1&b=2","a=1&b=2",true\]/);
    }
  });

  it(`the next request of the connection is read behind it, ${when}`, async (t) => {
    const port = await startPeeker(t, isLater);
    const socket = await connectRaw(t, port);
    const request = (body: string): string =>
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    socket.write(request("one") + request("two"));
    await socket.until('["two"');
    assert.match(socket.text, /\["one","one",true\][^]*\["two","two",true\]/);
  });
}
