/** The process that attacks: so many sockets, each writing as fast as the server takes it. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { handshakeRequest } from "../client-bytes.ts";
import { runWorker } from "../worker.ts";
import type { Target } from "../target.ts";
import { attackOf, memberSubscribe, type Attack } from "./attacks.ts";

export interface AttackerInput {
  readonly target: Target;
  readonly attack: string;
  readonly sockets: number;
  /** Of all numbers of bystanders; below 1 for a run that only shows that it runs. */
  readonly scale: number;
}

export interface AttackerResult {
  readonly bytesSent: number;
  /** How often the server ended an attacker's connection. */
  readonly closes: number;
}

/** What is written at once. */
const batchBytes = 65_536;
const establishedWithinMs = 30_000;
/** Who is closed comes back after so long, as an attacker would. */
const returnAfterMs = 100;
/** So many at a time, so that nobody's accept queue overflows. */
const connectingAtOnce = 25;

await runWorker<AttackerResult>(async (text) => {
  const input: AttackerInput = JSON.parse(text);
  const app = input.target.app;
  const chosen = Array.from({ length: input.sockets }, (_, index) => {
    const attack = attackOf(input.attack, index);
    if (!attack) throw new Error(`there is no attack ${input.attack}`);
    return attack;
  });
  const mostMembers = Math.max(...chosen.map(({ members = 0 }) => members));
  const members = Math.round(mostMembers * input.scale);
  await inBatches(Array.from({ length: members }), async (_, index) => {
    const { socket, socketId } = await establish(input.target);
    socket.on("data", () => {});
    socket.write(memberSubscribe(app, socketId, `member-${index}`));
  });
  const attackers = await inBatches(chosen, (attack, index) =>
    openAttacker(input.target, attack, index),
  );
  return {
    begin() {
      for (const attacker of attackers) attacker.begin();
    },
    end() {
      const result = { bytesSent: 0, closes: 0 };
      for (const attacker of attackers) {
        const { bytesSent, closes } = attacker.stop();
        result.bytesSent += bytesSent;
        result.closes += closes;
      }
      return Promise.resolve(result);
    },
  };
});

interface Attacker {
  begin(): void;
  stop(): AttackerResult;
}

async function openAttacker(target: Target, attack: Attack, index: number): Promise<Attacker> {
  const result = { bytesSent: 0, closes: 0 };
  let state: "waiting" | "attacking" | "stopped" = "waiting";
  let socket: Socket;
  let batch: Buffer = Buffer.alloc(0);

  async function open(): Promise<void> {
    const established = await (attack.isHttp ? connectOnly(target) : establish(target));
    ({ socket } = established);
    if (attack.isDeaf) socket.pause();
    else socket.on("data", () => {});
    const first = attack.first?.(target.app, established.socketId, index) ?? Buffer.alloc(0);
    const own = attack.repeated(target.app);
    const repeated = own.length > 0 ? own : first;
    batch = Buffer.concat(Array(Math.ceil(batchBytes / repeated.length)).fill(repeated));
    socket.write(first);
    socket.once("close", () => {
      if (state === "stopped") return;
      result.closes += 1;
      setTimeout(() => void open().catch(() => undefined), returnAfterMs);
    });
    if (state === "attacking") write();
  }

  function write(): void {
    if (state !== "attacking" || !socket.writable) return;
    result.bytesSent += batch.length;
    // Node writes at once where the kernel takes it: the other sockets must get their turn in between.
    socket.write(batch, () => setImmediate(write));
  }

  await open();
  return {
    begin() {
      state = "attacking";
      write();
    },
    stop() {
      state = "stopped";
      socket.destroy();
      return result;
    },
  };
}

async function connectOnly({ port }: Target): Promise<{ socket: Socket; socketId: string }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return { socket, socketId: "" };
}

/** A connection of the Pusher protocol, once the server has named its socket id. */
async function establish(target: Target): Promise<{ socket: Socket; socketId: string }> {
  const socket = connect(target.port, "127.0.0.1");
  socket.setNoDelay(true);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error("not established")), establishedWithinMs);
  let received = "";
  const read = (chunk: Buffer): void => {
    received += chunk.toString("latin1");
    const id = /socket_id\\?":\\?"([\d.]+)/.exec(received)?.[1];
    if (id !== undefined) resolve(id);
  };
  socket.on("data", read);
  socket.on("error", () => {});
  socket.once("close", () => reject(new Error(`closed instead: ${received}`)));
  socket.write(handshakeRequest("127.0.0.1", target.app.key));
  try {
    return { socket, socketId: await promise };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    socket.off("data", read);
  }
}

async function inBatches<Given, T>(
  all: readonly Given[],
  make: (given: Given, index: number) => Promise<T>,
): Promise<T[]> {
  const made: T[] = [];
  for (let from = 0; from < all.length; from += connectingAtOnce) {
    const batch = all.slice(from, from + connectingAtOnce);
    made.push(...(await Promise.all(batch.map((given, i) => make(given, from + i)))));
    await sleep(1);
  }
  return made;
}
