// The app that all nodes of a cluster serve, and the signatures that its backend would make.
import { md5, sign } from "../../../sidecar/core/signature.ts";

export const app = { id: "cluster", key: "cluster-key", secret: "cluster-secret" };

/** For a private or, with a member, a presence channel. */
export function signChannel(
  socketId: string,
  channel: string,
  member?: { user_id: string; user_info: object },
): { auth: string; channel_data?: string } {
  if (!member) return { auth: `${app.key}:${sign(app.secret, `${socketId}:${channel}`)}` };
  const channelData = JSON.stringify(member);
  const signature = sign(app.secret, `${socketId}:${channel}:${channelData}`);
  return { auth: `${app.key}:${signature}`, channel_data: channelData };
}

export function signUser(socketId: string, user: object): { auth: string; user_data: string } {
  const userData = JSON.stringify(user);
  const signature = sign(app.secret, `${socketId}::user::${userData}`);
  return { auth: `${app.key}:${signature}`, user_data: userData };
}

/** The query of a signed API request. */
export function signRequest(
  method: string,
  path: string,
  params: Readonly<Record<string, string>>,
  body: string,
): URLSearchParams {
  const all: Record<string, string> = {
    ...params,
    auth_key: app.key,
    auth_timestamp: String(Math.floor(Date.now() / 1000)),
    auth_version: "1.0",
    ...(body !== "" && { body_md5: md5(Buffer.from(body)) }),
  };
  const text = Object.keys(all)
    .toSorted()
    .map((name) => `${name}=${all[name]}`)
    .join("&");
  const signature = sign(app.secret, [method, path, text].join("\n"));
  return new URLSearchParams({ ...all, auth_signature: signature });
}
