/** Every attack that was tried on the running sidecar, what must happen, and the test that says so. */

/** A test: its file, and a part of its title or of the suites around it. */
export type Proof = readonly [file: string, title: string];

export interface Attack {
  readonly number: number;
  readonly attack: string;
  readonly outcome: string;
  readonly proofs: readonly Proof[];
}

type Row = readonly [number: number, attack: string, outcome: string, ...elsewhere: Proof[]];

/** @param file where the test of a row is found by its number, unless the row says elsewhere */
function room(file: string, rows: readonly Row[]): readonly Attack[] {
  return rows.map(([number, attack, outcome, ...elsewhere]) => ({
    number,
    attack,
    outcome,
    proofs: elsewhere.length > 0 ? elsewhere : [[`test/hostile/${file}.test.ts`, `row ${number}`]],
  }));
}

const channels = room("subscriptions", [
  [1, "protected names without signature, page or token", "4009 and 403; the app is not asked"],
  [2, "names that only look protected", "public channels of their own"],
  [3, "blanks, control characters, look-alikes and percent signs in names", "4200 and 400"],
  [4, "names of the server's own", "4200 and 400"],
  [5, "names of an object's prototype", "ordinary public channels"],
  [6, "names of 256, 257 and no characters", "joined, 4200, 4200"],
  [7, "a channel that is no string", "4200; a number is a public name"],
  [8, "an auth that is no string", "4200; the app is not asked"],
  [9, "keys given twice, __proto__ as data", "the last counts for check and join; 4200"],
  [10, "data that is no object", "4200; JSON text in it is read and checked alike"],
  [11, "events of a prototype or of the server", "4200, or delivered to nobody"],
  [12, "signatures cut, longer, empty or in upper case", "4009"],
  [13, "signatures of another socket, channel, key or secret", "4009; the log names the key"],
  [14, "user signatures for channels and channel signatures for users", "4009"],
  [15, "member data that is not what was signed", "4009, or 4200 for a wrong type"],
  [16, "signins with a signature of something else", "4009; no events of the user"],
  [17, "the app's answer for another channel or socket", "refused"],
  [18, "unsubscribe while the app is asked", "never joined"],
  [19, "fifty unsigned subscribes of one channel", "one question"],
  [20, "a signed subscribe while the app is asked", "joined by its signature"],
  [
    21,
    "the app's answer signed by another app",
    "refused",
    ["test/integration/apps.test.ts", "the answer of the upstream they share counts for the app"],
  ],
  [
    22,
    "failures of one app (H6)",
    "the breaker of another app stays closed",
    ["test/integration/apps.test.ts", "row 22: an app whose questions open its circuit breaker"],
  ],
  [23, "client events of who is no member, or with a server's names", "delivered to nobody"],
  [24, "a client event that claims another user", "has the id that the app gave"],
]);

const subrequests = room("authorization", [
  [25, "Origin missing, null, or with more than an origin in it", "no cookie is sent to the app"],
  [26, "Origins of hosts and ports that resemble the app's", "no cookie is sent to the app"],
  [27, "the page's own Origin in another spelling", "the page's own"],
  [28, "an http page of an https host, other schemes (H14)", "no cookie is sent to the app"],
  [29, "two Origin fields", "400"],
  [30, "forwarding fields of who is no trusted proxy", "do not make a page the app's"],
  [31, "a foreign page with Basic, Negotiate or NTLM", "the app is not asked"],
  [32, "a foreign page with a bearer token", "asked, without cookies"],
  [33, "fields that would change the subrequest", "do not arrive"],
  [34, "fields about the client, with _ too", "the sidecar's own arrive"],
  [35, "X-FrankenPHP-WS-Channel of a client (H15)", "the sidecar's own in a subrequest, none else"],
  [36, "other hosts and paths by channel, path or Host", "host and path are the configured ones"],
  [37, "control characters in handshake fields", "400; other bytes arrive as they were"],
  [38, "cookies that are too long for the app", "a denial; the breaker stays closed"],
  [39, "one connection that asks for all permits (H4)", "others get theirs"],
  [40, "questions that are called off (H5)", "bounded, and counted for who asked"],
  [41, "failures of one visitor, over any connections (H6)", "the breaker stays closed"],
  [
    42,
    "an answer that is used for another session",
    "each is asked for",
    ["test/hostile/subscriptions.test.ts", "row 42"],
  ],
]);

const api = room("http-api", [
  [43, "signature missing, empty, in upper case, wrong behind the right one", "401"],
  [44, "signature right behind a wrong one, or under an array's name", "200, as PHP reads it"],
  [45, "a body that was not signed", "401"],
  [46, "a signature of another method, path or secret", "401"],
  [47, "parameters and lines that were added", "401"],
  [48, "timestamps out of date, or in other notations", "401"],
  [49, "another version or key", "401"],
  [50, "the same request again", "200 within the tolerance, as at Pusher"],
  [51, "other spellings of the path", "the app's, byte by byte, or 401"],
  [52, "other methods", "405"],
  [
    53,
    "signatures that are nearly right",
    "401, the same as for any; the comparison takes constant time",
    ["test/hostile/http-api.test.ts", "row 53"],
    ["sidecar/core/signature.test.ts", "are right for exactly one text"],
  ],
  [54, "odd JSON in signed bodies", "400, 422, or taken as what it says"],
  [55, "a batch of 40,000 events", "200, bounded by bytes"],
  [56, "a compressed body", "not inflated"],
  [57, "bodies of who has not proven anything (H3)", "within the budget of the node"],
]);

const proxy = [
  ...room("framing", [
    [58, "two framings, or an uncertain one", "refused; the app sees nothing"],
    [59, "chunks without a certain size", "400; what follows is no request"],
    [60, "odd bytes in lines and fields", "400"],
    [61, "other versions of HTTP, 1.1 without Host", "505, 400"],
    [62, "two Hosts, or a malformed one", "400"],
    [63, "absolute targets", "400 for another host, else origin form"],
    [64, "TRACE and CONNECT (H18)", "405"],
    [65, "malformed targets, unknown expectations", "400, 417"],
    [66, "more fields than are read, framing behind them", "431"],
    [67, "a handshake with a body; h2c", "400; an ordinary request"],
  ]),
  ...room("proxy", [
    [68, "fields that say who the client is", "replaced by the sidecar's own"],
    [69, "Connection that names indispensable fields", "they stay"],
    [70, "client-address fields that Laravel does not read", "pass as they came"],
    [71, "chains behind a trusted proxy", "kept; the rightmost address counts"],
    [72, "answers meant for the next visitor", "the next visitor gets its own"],
    [73, "an early answer to a body that is cut", "that connection is used no more"],
    [74, "2,000 pipelined requests (H10)", "one at the app at a time"],
    [75, "clients that do not read", "hold the app back, in bounded memory"],
    [76, "a head whose body does not come", "nothing at the app"],
    [77, "the app's own WebSockets in great number (H12)", "bounded; nothing stays open"],
  ]),
];

const sockets = room("websocket", [
  [78, "frames that break RFC 6455", "1002, 1007 or 1009"],
  [79, "compression: bombs, many streams, and where it was not agreed to", "1009, 1008, 1002"],
  [80, "a message of many fragments (H11)", "64 at most"],
  [81, "floods of pings (H1)", "others are served meanwhile"],
  [82, "floods of garbage (H1)", "others are served meanwhile"],
  [83, "messages that cost much (H1)", "others are served meanwhile"],
  [84, "subscribing again and again (H2)", "others are served; long answers are bounded"],
  [85, "as many channels as possible (H7)", "4302 beyond 1,000"],
  [86, "joining and leaving a presence channel (H8)", "members are sent a few changes a second"],
  [87, "clients that never read events", "lose what exceeds their queue; nobody else does"],
  [88, "clients that never read answers (H1)", "hold their queue at most"],
  [
    89,
    "idle connections in great number",
    "are nothing special",
    ["test/fuzz/websocket.test.ts", "O05: may come over more than 1,024 connections at once"],
  ],
  [90, "connecting and leaving", "nothing stays behind"],
  [91, "one address with all connections (H12)", "4100 for who comes; who is there is served"],
  [92, "other spellings of one address", "one handshake limit; of IPv6 a /64"],
  [93, "a proxy in front that is not trusted", "one address; the log names the option"],
  [94, "refused connections that do not leave", "cut"],
  [
    95,
    "heads that trickle, connections that say nothing",
    "408, closed",
    ["sidecar/server.test.ts", "408, counted as timeout"],
  ],
  [96, "going on after a close for its rate (H18)", "not handled, cut"],
  [
    97,
    "random bytes and odd messages",
    "1002, 1007 or 1009, 4200, or nothing",
    ["test/hostile/websocket.test.ts", "row 97"],
    ["test/fuzz/websocket.test.ts", "bytes that are no frames"],
  ],
]);

const operation = room("operation", [
  [98, "webhooks of one anonymous client (H9)", "members' events are sent"],
  [99, "secrets and people's data in the log", "none"],
  [100, "a line for each bad message", "throttled"],
  [101, "series for each channel, path or key", "none"],
  [102, "a foreign key in the log", "64 characters of it"],
  [103, "other paths and methods on the admin port", "404, 405"],
  [104, "the admin port by another host name (H13)", "421"],
  [
    105,
    "secrets in wrong places of the configuration (H16)",
    "not shown",
    ["sidecar/config/load.test.ts", "a stray word, perhaps the secret"],
    ["sidecar/config/webhooks.test.ts", "a URL's password, path and query are not printed"],
    ["sidecar/config/webhooks.test.ts", "no error repeats a URL"],
  ],
  [106, "secrets and paths in metrics and error pages", "none"],
]);

const redis = room("redis", [
  [107, "odd user ids", "come and go as they are"],
  [108, "signins and watchlists with odd ids", "are that user, or nobody"],
  [109, "forged messages", "ignored, counted, throttled"],
  [110, "keys of a wrong type", "not ready, with the reason; heals"],
  [111, "10,000 channels at once", "a few scripts, others between them"],
]);

const supply = room("supply", [
  [112, "licences of production packages", "permissive"],
  [113, "install scripts", "none in production, none in the image"],
  [
    114,
    "packages without a hash (H17)",
    "none",
    ["test/deploy/package.test.ts", "D17: every package is locked"],
    ["test/deploy/package.test.ts", "D17: what installs for a proof or an image"],
  ],
  [
    115,
    "rights of the image and the pod (H17)",
    "no root, no capabilities, no token, nothing writable",
    ["test/deploy/deploy.test.ts", "D16: the image has no root"],
    ["test/deploy/kubernetes/kubernetes.test.ts", "every combination of components has no fault"],
  ],
]);

const consoleFile = "test/integration/console.test.ts";

const consoleAttacks = room("operation", [
  [
    116,
    "what the console does and shows, from another page, by a form, by a name that was rebound",
    "403, 415, 421",
    [consoleFile, "no other page does or reads anything"],
    [consoleFile, "a form can't do anything"],
    [consoleFile, "of a name that was rebound"],
  ],
  [
    117,
    "the console of a port that is open to others, tokens that are guessed, cookies that are made up",
    "off, or a login; 20 tries at once",
    [consoleFile, "elsewhere is off without a token"],
    [consoleFile, "so many logins at once"],
    ["sidecar/console/access.test.ts", "a cookie that was made up"],
  ],
  [
    118,
    "a crowd of viewers, one that reads nothing, a flood of events while somebody looks",
    "503; nothing more is sent, or made",
    [consoleFile, "eight may look at a time"],
    ["sidecar/console/feed.test.ts", "a viewer that does not read gets nothing more"],
    ["sidecar/console/feed.test.ts", "with enough events no more are made"],
  ],
]);

const floods = room("http-api", [
  [119, "pipelined requests that are refused at once (H1)", "16 are read ahead; others are served"],
  [
    120,
    "bodies at full speed, read or dropped (H1)",
    "256 KiB in a turn",
    ["sidecar/http/body.test.ts", "reads no more of a long one in a turn"],
    ["sidecar/http/linger.test.ts", "behind the last answer to a request no more of what still"],
    ["sidecar/proxy/passing.test.ts", "of many uploads no more is read in a turn"],
  ],
  [
    121,
    "floods through the app's own WebSockets, and of what the app sends (H1)",
    "256 KiB in a turn",
    ["sidecar/proxy/passing.test.ts", "of many WebSockets to the app no more is read in a turn"],
    ["sidecar/proxy/passing.test.ts", "of many WebSockets to clients no more is read in a turn"],
    ["sidecar/proxy/passing.test.ts", "of many downloads no more is read in a turn"],
  ],
  [
    122,
    "bodies in chunks of one byte (H1)",
    "paid for with turns, of one visitor one in a turn; written and kept in one piece",
    ["sidecar/http/read-turns.test.ts", "ten thousand of one byte are paid for"],
    ["sidecar/proxy/upload.test.ts", "chunks of one byte go on in one piece a turn"],
    ["sidecar/http/small-chunks.test.ts", "of many new connections of one visitor, one body"],
    ["sidecar/http/small-chunks.test.ts", "of many kept connections of one visitor, one body"],
    ["sidecar/http/small-chunks.test.ts", "of many bodies under way of one visitor, one body"],
  ],
]);

/** In the order of their numbers. */
export const attacks: readonly Attack[] = [
  channels,
  subrequests,
  api,
  proxy,
  sockets,
  operation,
  redis,
  supply,
  consoleAttacks,
  floods,
].flat();
