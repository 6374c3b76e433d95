/** The words around the tables of `docs/errors.md`. */

type Section =
  | "handshakes"
  | "closes"
  | "errors"
  | "refusals"
  | "authorizations"
  | "signatures"
  | "bodies"
  | "publishes"
  | "requests"
  | "faults"
  | "busy"
  | "exits";

export function page(tables: Readonly<Record<Section, string>>): string {
  return `# Errors

Made by \`npm run docs\` from the catalogues in \`sidecar/\`: do not edit.

Every possible refusal: who gets it, why, and what to do. "What to do" is also in the log, as the \`hint\` of a line that appears once and then at most every ten seconds. For an overview by symptom see [troubleshooting.md](troubleshooting.md).

## A WebSocket that is not opened

Answered in HTTP, before a handshake is spent on it, with \`Retry-After\`. A browser shows the page none of it: pusher-js sees 1006 and tries again.

${tables.handshakes}

## Close codes

The page has the code in Echo's connector: \`pusher.connection.bind("error", …)\`, in the browser's network view, and, where there is one, as \`pusher:error\` before the close. 4000–4099 mean "don't come back", 4100–4199 "come back after a while", 4200–4299 "come back now".

${tables.closes}

## \`pusher:error\` on a connection that stays

${tables.errors}

## \`pusher:subscription_error\` and \`pusher:signin_error\`

What is refused on a channel is said on that channel too, beside the \`pusher:error\` above: Echo's \`.error()\`, pusher-js' \`pusher:subscription_error\`. pusher-js does not ask for that channel again until it connects anew.

${tables.refusals}

## Why an authorization was refused

The app is asked for who brings no signature ([authorization.md](authorization.md)). The reason is in the log and in \`pogo_websocket_auth_failures_total\`; the client reads 403 (no) or 503 (not for now). A signature that a client brings along and that is wrong is \`invalid_signature\` too; the log says whether the key or the secret differs.

${tables.authorizations}

## HTTP API

What PHP gets from \`/apps/{id}/…\`; Laravel logs it as a \`BroadcastException\`.

- **404** "No matching application for ID […]": the caller's \`REVERB_APP_ID\` is not the sidecar's.
- **405**: the route is there and takes another method; \`Allow\` says which.
- **400**, **404** with \`{}\`, for \`channels/{channel}/users\`: it is no presence channel, or nobody is in it.
- **503** \`broker_failed\`, for what is asked of all nodes: Redis is lost; again after \`Retry-After\`.
- **401** "Authentication signature invalid.": the log says what is wrong with it.

${tables.signatures}

### Its body

${tables.bodies}

### A publish

None of its events was published. The body names the field (422) or begins with the reason.

${tables.publishes}

## HTTP: a request that is not passed on

Refused before anybody looks at what it asks for; its connection closes.

${tables.requests}

**413** "Content Too Large: the limit is … bytes." is \`POGO_MAX_BODY_SIZE\`, and **404** "Not found." what a sidecar without an upstream (\`POGO_UPSTREAM=none\`) says of all but WebSockets and API.

## HTTP: the app did not answer

A page for who accepts HTML, JSON or plain text for the others; the cause is in the log only.

${tables.faults}

A body that broke off (\`response_cut\`) reaches the client with the app's own status and an end that it can tell from a whole one.

## HTTP: the app is busy, or away

With \`Retry-After\`, in the same three forms; a page loads again by itself.

${tables.busy}

## Exit codes

${tables.exits}
`;
}
