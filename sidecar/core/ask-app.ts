/** Asks the app for a signature that the client did not send: of a subscription or of a signin. */

import type { Connection } from "./connection.ts";
import { errors, type ProtocolError } from "./errors.ts";
import type { ChannelProof, Denial, UserProof } from "./ports.ts";
import type { Report } from "./report.ts";
import type { SignatureFault } from "./signature.ts";
import { channelOf, type Subject } from "./subject.ts";

/**
 * Makes one request at a time per connection and subject. Another attempt meanwhile shares its answer, unless it comes
 * with a credential, which may be somebody else's. Null if there is nothing more to do: the request was refused and the
 * client was sent the reason, or it was cancelled.
 *
 * @param ask null: there is no app to ask
 */
export async function askApp<Proof extends ChannelProof | UserProof>(
  connection: Connection,
  subject: Subject,
  credential: string | null,
  ask: ((signal: AbortSignal) => Promise<Proof | Denial>) | null,
  report: Report,
): Promise<Proof | null> {
  if (!ask) {
    report({ kind: "signature_missing", ...requested(connection, subject) });
    deny(connection, subject, { kind: "denied", reason: "missing_signature" }, report);
    return null;
  }
  if (connection.isPending(subject) && credential === null) return null;
  connection.cancel(subject);
  const signal = connection.begin(subject);
  const answer = await ask(signal);
  // Closed, unsubscribed, or done with a signature meanwhile.
  if (signal.aborted) return null;
  connection.finish(subject);
  if (answer.ok) return answer;
  deny(connection, subject, answer, report);
  return null;
}

/** Refuses a subscription or signin that has no valid proof. */
export function deny(
  connection: Connection,
  subject: Subject,
  { kind, reason }: Omit<Denial, "ok">,
  report: Report,
): void {
  report({ kind: "authorization_refused", ...requested(connection, subject), reason });
  connection.fail(denials[subject.kind][kind], subject);
}

/** Refuses one whose signature, sent by the client, is wrong. */
export function denySignature(
  connection: Connection,
  subject: Subject,
  { fault, sentKey }: { readonly fault: SignatureFault; readonly sentKey?: string },
  report: Report,
): void {
  const about = requested(connection, subject);
  report({ kind: "client_signature_refused", ...about, fault, sentKey: sentKey ?? null });
  deny(connection, subject, { kind: "denied", reason: "invalid_signature" }, report);
}

const denials: Record<Subject["kind"], Record<Denial["kind"], ProtocolError>> = {
  channel: { denied: errors.unauthorized, unavailable: errors.authorizationUnavailable },
  signin: { denied: errors.unauthorized, unavailable: errors.authenticationUnavailable },
};

function requested({ app, socketId }: Connection, subject: Subject) {
  return { appId: app.id, socketId, channel: channelOf(subject) };
}
