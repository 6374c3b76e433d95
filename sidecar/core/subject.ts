/** What a client's message asks for, if it can be refused by name: a subscription, or the signin. */

export type Subject =
  | { readonly kind: "channel"; readonly name: string }
  | { readonly kind: "signin" };

export const signinSubject: Subject = { kind: "signin" };

export function channelSubject(name: string): Subject {
  return { kind: "channel", name };
}

/** Null: it is about none. */
export function channelOf(subject: Subject | null | undefined): string | null {
  return subject?.kind === "channel" ? subject.name : null;
}

/** One text for each subject of a connection; no channel has the name of the signin's. */
export function subjectKey(subject: Subject): string {
  return subject.kind === "channel" ? subject.name : "#signin";
}

/** Where SDKs write an event's and a channel's name: at the beginning of a message, or at its end. */
const edgeLength = 512;

const subscribeOrSignin = /"event"\s*:\s*"pusher:(subscribe|signin)"/;

/** In `data` that is an object the quotes are bare; in a JSON string, or a string within it, they are escaped. */
const channelField = /(\\*)"channel\1"\s*:\s*\1"([-a-zA-Z0-9_=@,.;#]{1,256})\1"/g;

/**
 * The subject of a message that is refused unread, since it is too long or one too many: found in its first and last
 * 512 characters, so that refusing costs the same whatever is sent. Null for what is no subscribe or signin, or names
 * its channel elsewhere.
 */
export function findSubject(text: string): Subject | null {
  const edges =
    text.length <= 2 * edgeLength
      ? text
      : `${text.slice(0, edgeLength)} ${text.slice(-edgeLength)}`;
  const [, event] = subscribeOrSignin.exec(edges) ?? [];
  if (event === undefined) return null;
  if (event === "signin") return signinSubject;
  let found: { readonly depth: number; readonly name: string } | null = null;
  for (const [, escapes = "", name = ""] of edges.matchAll(channelField)) {
    // The outermost one is the message's own; the last one counts, as in JSON.
    if (!found || escapes.length <= found.depth) found = { depth: escapes.length, name };
  }
  return found && channelSubject(found.name);
}
