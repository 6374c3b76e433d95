/** Writes docs/compatibility.md: the same tables that the tests walk, with the installed versions. */

import { clientFeatures } from "./client-features.ts";
import { clientKinds } from "./clients.ts";
import { serverFeatures } from "./server-features.ts";
import { serverKinds } from "./servers.ts";

/** A column of a table. */
interface Kind {
  readonly title: string;
  /** By feature. */
  readonly cannot: Readonly<Record<string, string | undefined>>;
}

export function renderCompatibilityDocs(): string {
  return `# Compatibility

<!-- Made by \`npm run docs\` from the tables in test/e2e/matrix/. Edits here are lost. -->

Each ✓ is a test of the library itself, at the version named, with the sidecar as a process of its own; the native columns are a client of our own and those called "its wire" replay what an SDK sends, see below. Run them all with

\`\`\`sh
node --test 'test/e2e/matrix/*.test.ts'
\`\`\`

A – is what a library does not have; the reason is below the table. Nothing is left out because it fails.

## Clients

${renderTable("The client", clientKinds, clientFeatures)}

Whoever signs is an app behind the sidecar, reached through it, with Pusher's Node SDK; the same publishes. Unless the row is about one, the client reports no error on the way. What Echo has no method for (signing in, events to a user, the watchlist) is done with the pusher-js below it, \`echo.connector.pusher\`.

The native client stands for pusher-websocket-swift, -java, -dotnet and the Dart ports, which don't run here. It takes nothing that their decoders would fail with: every message of the protocol has its \`channel\` where it is about one, and a \`data\` that is a JSON _string_ of an object with all fields of their types (\`pusher:ping\`, \`pusher:pong\` and \`pusher:cache_miss\` have none). The one exception is \`pusher:error\`, of which Swift and .NET read an object alone and drop a string without a word: the sidecar sends them one, for they name themselves in the handshake's query (rule C21). Further, \`ids\`, \`hash\` and \`count\` of a presence channel agree; the id of a user is a string. A close code is understood by its range alone. \`test/e2e/matrix/native-wire.test.ts\` shows that it is that strict.

The restart is SIGTERM for the only node, and another one on the same port: all are back by themselves, subscribed and signed in, and get the next event. All try again after a second, since 4100 says so.

## Servers

${renderTable("The server", serverKinds, serverFeatures)}

What comes of it is seen by the native client. Of each package there is a current version and an older one; each test run asserts that those are the ones installed.

In the columns "its wire" the SDK itself does not run: no registry in reach of these tests has the Python, Go, Ruby and Java SDKs. What runs is the requests that they send, put together as their public sources do (order and encoding of the query, \`body_md5\` of the empty body in Python's GETs, escapes in the JSON, header fields), and answers are read as strictly as their decoders do. Requests that the Go and Python SDKs expect in tests of their own are checked byte by byte in \`sidecar/http-api/authenticate.test.ts\`. The Go SDK takes ids of users as strings only: with ids that were signed as numbers, as Laravel does, its \`GetChannelUsers\` fails.

## What else is tested

Echo with a Laravel session, in Node and in a browser, signed by Laravel or not signed at all: \`test/e2e/broadcasting.test.ts\`, \`fallback.test.ts\` and \`browser.test.ts\`. What each message looks like: [protocol.md](protocol.md).
`;
}

function renderTable(
  corner: string,
  kinds: readonly Kind[],
  features: Readonly<Record<string, { readonly title: string }>>,
): string {
  const reasons = [...new Set(kinds.flatMap(({ cannot }) => Object.values(cannot)))];
  const cell = (reason: string | undefined): string =>
    reason === undefined ? "✓" : `– (${reasons.indexOf(reason) + 1})`;
  const rows = [
    row(
      corner,
      kinds.map(({ title }) => title.replace(" over ", "<br>over ")),
    ),
    row(
      "---",
      kinds.map(() => ":-:"),
    ),
    ...Object.entries(features).map(([id, { title }]) =>
      row(
        title,
        kinds.map(({ cannot }) => cell(cannot[id])),
      ),
    ),
  ];
  const notes = reasons.map((reason, index) => `(${index + 1}) ${reason}`);
  return [rows.join("\n"), ...notes].join("\n\n");
}

function row(head: string, cells: readonly string[]): string {
  return `| ${head} | ${cells.join(" | ")} |`;
}
