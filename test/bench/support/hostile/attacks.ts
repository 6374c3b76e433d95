/** What strangers send to take a node from the others: a table from name to bytes, each written over and over. */

import { createHmac } from "node:crypto";
import { clientFrame, textFrame } from "../../../../sidecar/testing/client-frame.ts";
import { upgradeRequest } from "../../../../sidecar/testing/upgrade-request.ts";
import { messageFrame } from "../client-bytes.ts";

export interface AttackApp {
  readonly id: string;
  readonly key: string;
  readonly secret: string;
}

export interface Attack {
  readonly name: string;
  /** Over connections of HTTP in place of WebSockets. */
  readonly isHttp?: true;
  /** Sent once, when the socket is established; those of a member need its `socketId`. */
  readonly first?: (app: AttackApp, socketId: string, index: number) => Buffer;
  /** One or more whole frames. */
  readonly repeated: (app: AttackApp) => Buffer;
  /** What comes back is left unread. */
  readonly isDeaf?: true;
  /** Members of `crowdedChannel` that are connected beside the attackers. */
  readonly members?: number;
}

const crowdedChannel = "presence-crowded";
export const cachedChannel = "cache-big";
export const cachedBytes = 256_000;
const memberInfoBytes = 500;

const wrongSignature = "0".repeat(64);
const deepest = 500;
const fillerBytes = 61_000;
const channelsEach = 1_000;
const longestName = 256;
const bodyBytes = 2_097_152;

export const attacks: readonly Attack[] = [
  { name: "one-byte frames", repeated: () => textFrame("x") },
  { name: "one-byte frames, nothing read", repeated: () => textFrame("x"), isDeaf: true },
  {
    name: "broken JSON",
    repeated: () => textFrame('{"event":"pusher:subscribe","data":{"channel":"news","auth'),
  },
  {
    name: "4 KB of nested JSON",
    repeated: () => {
      const nested = `${"[".repeat(deepest)}${"]".repeat(deepest)}`;
      return textFrame(`{"event":"pusher:ping","data":[${[nested, nested, nested].join()}]}`);
    },
  },
  {
    name: "long numbers",
    repeated: () =>
      textFrame(`{"event":"pusher:ping","data":[${Array(2_400).fill("1e3").join()}]}`),
  },
  {
    name: "subscribes, wrong signature",
    repeated: ({ key }) =>
      messageFrame({
        event: "pusher:subscribe",
        data: { channel: "private-orders", auth: `${key}:${wrongSignature}` },
      }),
  },
  {
    name: "signins, wrong signature",
    repeated: ({ key }) =>
      messageFrame({
        event: "pusher:signin",
        data: { auth: `${key}:${wrongSignature}`, user_data: '{"id":"1"}' },
      }),
  },
  {
    name: "re-subscribes, 256 KB cached",
    repeated: () => messageFrame({ event: "pusher:subscribe", data: { channel: cachedChannel } }),
  },
  {
    name: "re-subscribes, 256 KB cached, nothing read",
    repeated: () => messageFrame({ event: "pusher:subscribe", data: { channel: cachedChannel } }),
    isDeaf: true,
  },
  {
    name: "re-subscribes, 300 members",
    members: 300,
    first: (app, socketId, index) => memberSubscribe(app, socketId, `attacker-${index}`),
    // Only the first one is right; the refusals of the others would be another attack.
    repeated: () => Buffer.alloc(0),
  },
  {
    name: "fragments with filler",
    first: () => clientFrame(0x01, "{"),
    repeated: () =>
      Buffer.concat([
        clientFrame(0x00, "x"),
        ...Array.from({ length: Math.floor(fillerBytes / 131) }, () =>
          clientFrame(0x8a, Buffer.alloc(125)),
        ),
      ]),
  },
  { name: "pings", repeated: () => messageFrame({ event: "pusher:ping", data: {} }) },
  {
    name: "pings, nothing read",
    repeated: () => messageFrame({ event: "pusher:ping", data: {} }),
    isDeaf: true,
  },
  {
    name: "as many channels as there may be",
    first: (_app, _socketId, index) =>
      Buffer.concat(Array.from({ length: channelsEach }, (_, n) => subscribe(`${index}-${n}-`))),
    repeated: () => subscribe("one-more-"),
  },
  {
    name: "pipelined API requests without a signature",
    isHttp: true,
    repeated: ({ id }) => Buffer.from(`GET /apps/${id}/channels HTTP/1.1\r\nHost: bench\r\n\r\n`),
  },
  {
    name: "API bodies that nobody has proven",
    isHttp: true,
    first: announceBody,
    repeated: () => Buffer.alloc(65_536, "x"),
  },
  {
    name: "WebSockets of the app, 64 KiB messages",
    isHttp: true,
    first: () => Buffer.from(upgradeRequest("/socket")),
    repeated: () => clientFrame(0x82, Buffer.alloc(65_536)),
  },
  {
    name: "uploads in chunks of one byte",
    isHttp: true,
    first: () =>
      Buffer.from("POST /upload HTTP/1.1\r\nHost: bench\r\nTransfer-Encoding: chunked\r\n\r\n"),
    repeated: () => Buffer.from("1\r\nx\r\n"),
  },
];

/** The name of all of them at once, each over an equal part of the sockets. */
export const allAtOnce = "all of these at once";

/** What one of the attackers' sockets does; null: there is no such attack. */
export function attackOf(name: string, index: number): Attack | null {
  const chosen =
    name === allAtOnce
      ? attacks[index % attacks.length]
      : attacks.find((attack) => attack.name === name);
  return chosen ?? null;
}

/** To a channel whose name is as long as a name may be. */
function subscribe(prefix: string): Buffer {
  const channel = prefix.padEnd(longestName, "c");
  return messageFrame({ event: "pusher:subscribe", data: { channel } });
}

/** The head of a publish that can't be seen to be nobody's before all of its body has come. */
function announceBody({ id, key }: AttackApp): Buffer {
  const seconds = Math.floor(Date.now() / 1_000);
  const query = `auth_key=${key}&auth_timestamp=${seconds}&auth_version=1.0&auth_signature=${wrongSignature}`;
  const lines = [
    `POST /apps/${id}/events?${query} HTTP/1.1`,
    "Host: bench",
    `Content-Length: ${bodyBytes}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}

/** A member of the crowded channel, with `user_info` of a usual size. */
export function memberSubscribe(app: AttackApp, socketId: string, userId: string): Buffer {
  const channelData = JSON.stringify({
    user_id: userId,
    user_info: { name: "n".repeat(memberInfoBytes) },
  });
  const signed = `${socketId}:${crowdedChannel}:${channelData}`;
  const signature = createHmac("sha256", app.secret).update(signed).digest("hex");
  return messageFrame({
    event: "pusher:subscribe",
    data: { channel: crowdedChannel, auth: `${app.key}:${signature}`, channel_data: channelData },
  });
}
