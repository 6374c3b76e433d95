/**
 * `pusher:signin`: authenticates the user behind a connection, by the app's signature (Pusher: "User authentication").
 */

import { askApp, deny, denySignature } from "./ask-app.ts";
import type { Connection, User } from "./connection.ts";
import { bearerCredential } from "./credential.ts";
import { errors, type ProtocolError } from "./errors.ts";
import type { Hub } from "./hub.ts";
import { isObject, parseExactJson } from "./json.ts";
import { isProofTooLong } from "./limits.ts";
import { encodeSigninSuccess } from "./messages.ts";
import type { UserAuthenticator } from "./ports.ts";
import { arriveAsUser } from "./recovery/arrival.ts";
import type { Report } from "./report.ts";
import { checkUserSignature } from "./signature.ts";
import { signinSubject as subject, subjectKey } from "./subject.ts";
import { idText, isUserId, isUserName } from "./user-id.ts";

export interface SigninDependencies {
  readonly hub: Hub;
  /** Asked who is behind a connection that signs in without a signature; null: it is refused. */
  readonly authorizer: UserAuthenticator | null;
  readonly report: Report;
}

export const maxWatchlist = 100;

/** Answers `pusher:signin_success`, or an error, now or later; the connection stays open either way. */
export function signin(
  connection: Connection,
  data: unknown,
  dependencies: SigninDependencies,
): void {
  const auth = isObject(data) ? (data["auth"] ?? "") : null;
  const userData = isObject(data) ? (data["user_data"] ?? "") : null;
  if (typeof auth !== "string" || typeof userData !== "string") {
    return connection.fail(errors.invalidMessageFormat, subject);
  }
  const credential = bearerCredential(auth);
  if (auth === "" || credential !== null) {
    return void askForProof(connection, credential, dependencies);
  }
  checkProof(connection, auth, userData, dependencies);
}

function checkProof(
  connection: Connection,
  auth: string,
  userData: string,
  dependencies: SigninDependencies,
): void {
  const { app, socketId } = connection;
  const identity = parseIdentity(userData);
  if (!identity.ok) return connection.fail(identity.error, subject);
  const check = checkUserSignature(app, { socketId, userData }, auth);
  if (!check.ok) return denySignature(connection, subject, check, dependencies.report);
  // A signed signin supersedes one that still waits for the app's answer.
  connection.cancel(subject);
  accept(connection, identity, dependencies);
}

async function askForProof(
  connection: Connection,
  credential: string | null,
  dependencies: SigninDependencies,
): Promise<void> {
  const { authorizer, report } = dependencies;
  const { app, socketId, handshake } = connection;
  const ask = authorizer
    ? (signal: AbortSignal) =>
        authorizer.authenticate({ app, socketId, handshake, credential, signal })
    : null;
  const proof = await askApp(connection, subject, credential, ask, report);
  if (!proof) return;
  const sent = { auth: proof.auth, user_data: proof.userData };
  if (isProofTooLong(app, { event: "pusher:signin", data: sent })) {
    return connection.fail(errors.messageTooLong, subject);
  }
  const identity = parseIdentity(proof.userData);
  if (identity.ok) return accept(connection, identity, dependencies);
  if (identity.error === errors.invalidUserId) return connection.fail(identity.error, subject);
  deny(connection, subject, { kind: "denied", reason: "invalid_response_json" }, report);
}

/** At once, unless the connection signed in often enough (rule U15). */
function accept(
  connection: Connection,
  identity: Identity,
  dependencies: SigninDependencies,
): void {
  const { user, userData } = identity;
  const { users, repeats, recovery } = dependencies.hub;
  if (user.watchlist.length > maxWatchlist) {
    return connection.fail(errors.watchlistTooLong, subject);
  }
  if (!repeats.tryTake(connection, subjectKey(subject))) {
    const again = (): void => accept(connection, identity, dependencies);
    if (repeats.defer(connection, subjectKey(subject), again)) return;
    return connection.fail(errors.repeatRateExceeded, subject);
  }
  users.signIn(connection, user, (isNew) => {
    connection.sendText(encodeSigninSuccess(userData));
    if (recovery && isNew) arriveAsUser(recovery, users, connection, user);
    const watchlist = users.describeWatchlist(user);
    if (watchlist !== null) connection.sendText(watchlist);
  });
}

/** Who signs in, and the `user_data` that the client is answered. */
interface Identity {
  readonly user: User;
  readonly userData: string;
}

type ParsedIdentity =
  | ({ readonly ok: true } & Identity)
  | { readonly ok: false; readonly error: ProtocolError };

/**
 * `id` is a non-empty string, or a number, which is read as its digits and answered as a string: pusher-js takes no
 * other for an id (rule U08). What nobody could sign in as is left out of a watchlist.
 */
function parseIdentity(userData: string): ParsedIdentity {
  const json = parseExactJson(userData);
  if (!json.ok || !isObject(json.value)) return { ok: false, error: errors.invalidMessageFormat };
  const { id, user_info: info, watchlist } = json.value;
  if (!isUserId(id) || id === "") return { ok: false, error: errors.invalidMessageFormat };
  const name = idText(id);
  if (!isUserName(name)) return { ok: false, error: errors.invalidUserId };
  const watched = Array.isArray(watchlist)
    ? watchlist.filter(isUserId).map(idText).filter(isUserName)
    : [];
  const user = { id: name, info: info ?? {}, watchlist: [...new Set(watched)] };
  const isVerbatim = typeof id === "string";
  const answered = isVerbatim ? userData : JSON.stringify({ ...json.value, id: name });
  return { ok: true, user, userData: answered };
}
