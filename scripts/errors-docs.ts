/** `docs/errors.md`, made of the catalogues in the code: everything that a client or a caller can be refused with. */

import { meanings } from "../sidecar/authorizer/outcomes.ts";
import { exitCodes } from "../sidecar/cli/command.ts";
import { errors, messageTooLong, shutdownCloses } from "../sidecar/core/errors.ts";
import type { PlainAnswer } from "../sidecar/http/plain-answer.ts";
import { refusals as requestRefusals, upgradeRequired } from "../sidecar/http/refusal.ts";
import { publishStatuses } from "../sidecar/http-api/events.ts";
import { bodyReplies } from "../sidecar/http-api/receive-body.ts";
import { bodyHints, signatureHints } from "../sidecar/observability/events/api.ts";
import { authorizationHints } from "../sidecar/observability/events/authorizer.ts";
import { errorHints, handshakeHints, publishHints } from "../sidecar/observability/events/hints.ts";
import { faultHints, refusalHints, requestHints } from "../sidecar/observability/events/proxy.ts";
import { answerTo, refusalPages } from "../sidecar/proxy/faults.ts";
import { httpRefusals, refusals as handshakeRefusals } from "../sidecar/ws/refusals.ts";
import { causes } from "./error-causes.ts";
import { page } from "./errors-page.ts";
import { distinct, meaningOf, quote, rowsOf, table, type Cells } from "./markdown.ts";

type ErrorName = keyof typeof errors;

export function renderErrorsDocs(): string {
  const names = Object.keys(errors).filter((name): name is ErrorName =>
    Object.hasOwn(errors, name),
  );
  const byCode = names.toSorted((a, b) => errors[a].code - errors[b].code);
  const isClosing = (name: ErrorName): boolean => "closeCode" in errors[name];
  return page({
    handshakes: table(handshakeHeads, [...rowsOf(httpRefusals, handshakeRow), upgradeRow()]),
    closes: table(closeHeads, [...byCode.filter(isClosing).map(closeRow), ...otherCloses()]),
    errors: table(errorHeads, byCode.filter((name) => !isClosing(name)).map(errorRow)),
    refusals: table(refusalHeads, distinct(byCode.flatMap(refusalRows))),
    authorizations: table(authorizationHeads, authorizationRows()),
    signatures: table(reasonHeads, signatureRows()),
    bodies: table(statusHeads, rowsOf(bodyReplies, bodyRow)),
    publishes: table(statusHeads, rowsOf(publishStatuses, publishRow)),
    requests: table(requestHeads, rowsOf(requestRefusals, requestRow)),
    faults: table(faultHeads, rowsOf(answerTo, faultRow)),
    busy: table(busyHeads, rowsOf(refusalHints, busyRow)),
    exits: table(exitHeads, exitRows()),
  });
}

const handshakeHeads = ["Status", "Body", "Why", "What to do"];
function handshakeRow(reason: keyof typeof httpRefusals, { status, text }: PlainAnswer): Cells {
  const why = meaningOf("pogo_websocket_handshakes_refused_total", "reason", reason);
  const action = handshakeHints[reason] ?? "Nothing: clients come back by themselves.";
  return [String(status), quote(text), why, action];
}

function upgradeRow(): Cells {
  const { status, title, text } = upgradeRequired;
  return [
    String(status),
    quote(`${title} …`),
    "It asks for no WebSocket, or a proxy in front took off what makes it a handshake.",
    text,
  ];
}

const closeHeads = ["Close", "`pusher:error`", "Who gets it, and why", "pusher-js", "What to do"];
function closeRow(name: ErrorName): Cells {
  const { code, message, closeCode = code } = entryOf(name);
  return [
    String(closeCode),
    `${code} ${quote(message)}`,
    causes[name].why,
    reconnects(closeCode),
    actionOn(name),
  ];
}

/** Closes with no `pusher:error` before them. */
function otherCloses(): Cells[] {
  const stop = "Nothing: it is how a node stops in order ([operations.md](operations.md)).";
  const { alone, inCluster } = shutdownCloses;
  const everybody = "Everybody, when the node stops";
  return [
    [
      String(messageTooLong.code),
      "–",
      "A message of more than twice the limit, which is not read.",
      reconnects(messageTooLong.code),
      errorHints[messageTooLong.reason] ?? "",
    ],
    [String(alone.code), "–", `${everybody}, and there is no other.`, reconnects(alone.code), stop],
    [
      String(inCluster.code),
      "–",
      `${everybody}, and others are there.`,
      reconnects(inCluster.code),
      stop,
    ],
  ];
}

const errorHeads = ["Code", "Message", "Who gets it, and why", "What to do"];
function errorRow(name: ErrorName): Cells {
  const { code, message } = errors[name];
  return [String(code), quote(message), causes[name].why, actionOn(name)];
}

const refusalHeads = ["`type`", "`status`", "`error`", "Beside `pusher:error`"];
function refusalRows(name: ErrorName): Cells[] {
  const { code, message, refusal } = entryOf(name);
  if (!refusal) return [];
  const { type, status, error = message } = refusal;
  return [[`\`${type}\``, String(status), quote(error), `${code} ${quote(message)}`]];
}

const authorizationHeads = ["Reason", "The client", "Why", "What to do"];
/** Nobody is left to be refused where the client itself has gone. */
function authorizationRows(): Cells[] {
  const { aborted: _, ...answered } = meanings;
  return rowsOf(answered, authorizationRow);
}

/** For those that have no line of their own in the log. */
const quietActions: Readonly<Partial<Record<keyof typeof meanings, string>>> = {
  forbidden: "Nothing: that is what the app's callback says of this visitor.",
  circuit_open: "Look at the lines before it, which say how the app failed.",
};

function authorizationRow(
  reason: keyof typeof meanings,
  { kind }: (typeof meanings)[keyof typeof meanings],
): Cells {
  const why = meaningOf("pogo_websocket_auth_failures_total", "reason", reason);
  const action = authorizationHints[reason] ?? quietActions[reason] ?? "–";
  return [`\`${reason}\``, kind === "denied" ? "403" : "503", why, action];
}

const reasonHeads = ["Reason in the log", "Why", "What to do"];
function signatureRows(): Cells[] {
  return rowsOf(signatureHints, (reason, hint) => [
    `\`${reason}\``,
    meaningOf("pogo_api_signatures_refused_total", "reason", reason),
    hint,
  ]);
}

const statusHeads = ["Status", "Reason in the log", "Why", "What to do"];
function bodyRow(reason: keyof typeof bodyReplies, { status }: { status: number }): Cells {
  if (reason === "too_long") {
    return [
      String(status),
      "`payload_too_large`",
      quote(bodyReplies.too_long.body),
      publishHints.payload_too_large,
    ];
  }
  if (reason === "cut") {
    return [String(status), "–", quote(bodyReplies.cut.body), "Nobody is there to read it."];
  }
  return [
    String(status),
    `\`${reason}\``,
    meaningOf("pogo_api_bodies_refused_total", "reason", reason),
    bodyHints[reason],
  ];
}

function publishRow(reason: keyof typeof publishStatuses, status: number): Cells {
  const why = meaningOf("pogo_websocket_publish_failures_total", "reason", reason);
  return [String(status), `\`${reason}\``, why, publishHints[reason]];
}

const requestHeads = ["Status", "Body", "Reason in the log", "Why", "What to do"];
function requestRow(
  _name: string,
  { status, text, reason }: (typeof requestRefusals)[keyof typeof requestRefusals],
): Cells {
  const why = meaningOf("pogo_http_requests_refused_total", "reason", reason);
  return [
    String(status),
    quote(text),
    `\`${reason}\``,
    why,
    requestHints[reason] ?? "Nothing here: the client is broken, or hostile.",
  ];
}

const faultHeads = ["Status", "Says", "Fault in the log", "Why", "What to do"];
function faultRow(
  fault: keyof typeof answerTo,
  { status, title }: { readonly status: number; readonly title: string },
): Cells {
  const why = meaningOf("pogo_proxy_faults_total", "fault", fault);
  return [String(status), quote(title), `\`${fault}\``, why, faultHints[fault]];
}

const busyHeads = ["Status", "Says", "Reason in the log", "Why", "What to do"];
function busyRow(reason: keyof typeof refusalHints, hint: string): Cells {
  const why = meaningOf("pogo_proxy_refused_total", "reason", reason);
  const { status, title } = refusalPages[reason];
  return [String(status), quote(title), `\`${reason}\``, why, hint];
}

/** Node's own (`kInvalidCommandLineArgument`): it takes `--env-file` itself, even where that stands behind the script. */
const exitOfNode: Cells = [
  "9",
  "Node itself could not read the file of `--env-file`, which it does before the sidecar: its line names the file.",
];

const exitHeads = ["Code", "Why"];
const exits: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: "It did what it was asked; a stopped node ended in order.",
  failure:
    "The node could not start (a port is taken), or ended by a bug; `healthcheck`: it is not alive; `hold`, `release`, `drain`: it was not done; `doctor`: something is wrong.",
  usage:
    "There is no such command; or `hold`, `release` or `drain` was given an argument that it does not take.",
  configuration:
    "The configuration can't be used as it is, or Node is too old. All mistakes are on standard error.",
};
function exitRow(name: keyof typeof exitCodes, code: number): Cells {
  return [String(code), exits[name]];
}

function exitRows(): readonly Cells[] {
  const rows = [...rowsOf(exitCodes, exitRow), exitOfNode];
  return rows.toSorted(([a], [b]) => Number(a) - Number(b));
}

/** With the fields that only some rows have. */
function entryOf(name: ErrorName): {
  code: number;
  message: string;
  closeCode?: number;
  refusal?: { type: string; status: number; error?: string };
} {
  return errors[name];
}

/** What the log says to do about it, where nothing else is said. */
function actionOn(name: ErrorName): string {
  const { action } = causes[name];
  if (action !== undefined) return action;
  const { reason } = errors[name];
  const refused = Object.values(handshakeRefusals).find(({ error }) => error === errors[name]);
  return errorHints[reason] ?? (refused && handshakeHints[refused.reason]) ?? "–";
}

/** How pusher-js, and Echo with it, answers a close. */
function reconnects(code: number): string {
  if (code >= 4000 && code < 4100) return "stays away";
  if (code >= 4200 && code < 4300) return "comes back at once";
  return "comes back after a second";
}
