/** `pusher:signin`: who is behind a connection, signed by the app (Pusher: "User authentication"). */

import type { Connection, User } from "./connection.ts";
import type { Hub } from "./hub.ts";
import { errors } from "./errors.ts";
import { isObject, parseJson } from "./json.ts";
import { encodeSigninSuccess } from "./messages.ts";
import type { Observer } from "./ports.ts";
import { checkUserSignature } from "./signature.ts";

/** Answers `pusher:signin_success`, or an error; the connection stays open either way. */
export function signin(
  connection: Connection,
  data: unknown,
  { hub, observer }: { hub: Hub; observer: Observer },
): void {
  const { app, socketId } = connection;
  const request = parseRequest(data);
  if (!request) return connection.fail(errors.invalidMessageFormat);
  const { auth, userData, user } = request;
  const check = checkUserSignature(app, { socketId, userData }, auth);
  if (!check.ok) {
    observer.authorizationFailed(app.id, "invalid_signature", check.sentKey);
    return connection.fail(errors.unauthorized);
  }
  hub.signIn(connection, user);
  connection.sendText(encodeSigninSuccess(userData));
}

function parseRequest(data: unknown): { auth: string; userData: string; user: User } | null {
  if (!isObject(data)) return null;
  const { auth, user_data: userData } = data;
  if (typeof auth !== "string" || typeof userData !== "string") return null;
  const user = parseUser(userData);
  return user && { auth, userData, user };
}

/** `id` is a non-empty string (pusher-js refuses others); a number is read as its digits. */
function parseUser(userData: string): User | null {
  const json = parseJson(userData);
  if (!json.ok || !isObject(json.value)) return null;
  const { id, user_info: info } = json.value;
  if (typeof id !== "string" && typeof id !== "number") return null;
  return id === "" ? null : { id: String(id), info: info ?? {} };
}
