/** `pusher:signin`: who is behind a connection, signed by the app (Pusher: "User authentication"). */

import { after } from "./after.ts";
import type { Connection, User } from "./connection.ts";
import { bearerCredential } from "./credential.ts";
import type { Hub } from "./hub.ts";
import { errors } from "./errors.ts";
import { isObject, parseExactJson } from "./json.ts";
import { encodeSigninSuccess } from "./messages.ts";
import type { AuthorizationFault, UserAuthenticator } from "./ports.ts";
import type { Report } from "./report.ts";
import { checkUserSignature } from "./signature.ts";
import { idText, isUserId, type UserId } from "./user-id.ts";

export interface SigninDependencies {
  readonly hub: Hub;
  /** Asked who is behind a connection that signs in without a signature; null: it is refused. */
  readonly authenticator: UserAuthenticator | null;
  readonly report: Report;
}

const maxWatchlist = 100;

/** One question at a time for a connection; no channel has this name. */
const pendingKey = "#signin";

/** Answers `pusher:signin_success`, or an error; the connection stays open either way. */
export async function signin(
  connection: Connection,
  data: unknown,
  dependencies: SigninDependencies,
): Promise<void> {
  const fields = isObject(data) ? data : {};
  const auth = fields["auth"] ?? "";
  const userData = fields["user_data"] ?? "";
  if (!isObject(data) || typeof auth !== "string" || typeof userData !== "string") {
    return connection.fail(errors.invalidMessageFormat);
  }
  const credential = bearerCredential(auth);
  if (auth === "" || credential !== null) return askUpstream(connection, credential, dependencies);
  const { app, socketId } = connection;
  const claim = parseUser(userData);
  if (!claim) return connection.fail(errors.invalidMessageFormat);
  const check = checkUserSignature(app, { socketId, userData }, auth);
  if (!check.ok) {
    if (check.sentKey !== undefined) {
      const { sentKey } = check;
      dependencies.report({ kind: "foreign_key_sent", appId: connection.app.id, sentKey });
    }
    return deny(connection, "invalid_signature", dependencies);
  }
  connection.pending.get(pendingKey)?.abort();
  connection.pending.delete(pendingKey);
  return accept(connection, claim, dependencies);
}

async function askUpstream(
  connection: Connection,
  credential: string | null,
  dependencies: SigninDependencies,
): Promise<void> {
  const { authenticator } = dependencies;
  if (!authenticator) return deny(connection, "missing_signature", dependencies);
  if (connection.pending.has(pendingKey) && credential === null) return;

  connection.pending.get(pendingKey)?.abort();
  const asked = new AbortController();
  connection.pending.set(pendingKey, asked);
  const { app, socketId, handshake } = connection;
  const { signal } = asked;
  const answer = await authenticator.authenticate({ app, socketId, handshake, credential, signal });

  if (signal.aborted || !connection.isOpen) return;
  connection.pending.delete(pendingKey);
  if (!answer.ok && answer.kind === "unavailable") {
    const { reason } = answer;
    dependencies.report({ kind: "authorization_refused", appId: app.id, reason });
    return connection.fail(errors.authenticationUnavailable);
  }
  if (!answer.ok) return deny(connection, answer.reason, dependencies);
  const claim = parseUser(answer.userData);
  if (!claim) return deny(connection, "invalid_response_json", dependencies);
  return accept(connection, claim, dependencies);
}

function accept(
  connection: Connection,
  { user, userData }: Claim,
  { hub }: SigninDependencies,
): void | Promise<void> {
  if (user.watchlist.length > maxWatchlist) return connection.fail(errors.watchlistTooLong);
  return after(hub.users.signIn(connection, user), () => {
    // Closed, or somebody else by now.
    if (connection.user !== user) return;
    connection.sendText(encodeSigninSuccess(userData));
    const watchlist = hub.users.describeWatchlist(user);
    if (watchlist !== null) connection.sendText(watchlist);
  });
}

function deny(
  connection: Connection,
  reason: AuthorizationFault,
  { report }: SigninDependencies,
): void {
  report({ kind: "authorization_refused", appId: connection.app.id, reason });
  connection.fail(errors.unauthorized);
}

/** Who signs in, and the `user_data` that the client is answered. */
interface Claim {
  readonly user: User;
  readonly userData: string;
}

/**
 * `id` is a non-empty string, or a number, which is read as its digits and answered as a string: pusher-js takes no
 * other for an id (rule U08). What is no id in a watchlist is left out of it.
 */
function parseUser(userData: string): Claim | null {
  const json = parseExactJson(userData);
  if (!json.ok || !isObject(json.value)) return null;
  const { id, user_info: info, watchlist } = json.value;
  if (!isId(id)) return null;
  const watched = Array.isArray(watchlist) ? watchlist.filter(isId).map(idText) : [];
  const user = { id: idText(id), info: info ?? {}, watchlist: [...new Set(watched)] };
  const isVerbatim = typeof id === "string";
  return { user, userData: isVerbatim ? userData : JSON.stringify({ ...json.value, id: user.id }) };
}

function isId(value: unknown): value is UserId {
  return isUserId(value) && value !== "";
}
