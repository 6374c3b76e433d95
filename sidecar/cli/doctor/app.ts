/** Checks of the PHP app: whether it is up, and how it answers an authorization request. */

import { explainAnswer } from "../../authorizer/explain.ts";
import { showUpstream, type UpstreamAddress } from "../../http/upstream-address.ts";
import { askUpstream, type Answer } from "./ask.ts";
import { hint, ok, skipped, wrong, type Check, type Finding, type Subject } from "./check.ts";

export const appAnswers: Check = {
  name: "app",
  async run({ config }) {
    const { address } = config.upstream;
    if (address === null) return skipped("stands alone (POGO_UPSTREAM=none)");
    const answer = await askUpstream(address, "/up");
    const where = showUpstream(address);
    if (!answer.ok) {
      return wrong(
        `${where}: ${answer.why}`,
        `start the app${artisanServe(address)}, or set POGO_UPSTREAM to where it listens`,
      );
    }
    const isLaravel = /laravel|XSRF-TOKEN/i.test(
      `${answer.headers["set-cookie"]?.join() ?? ""}${answer.text}`,
    );
    if (answer.status >= 500) {
      return wrong(`${where}/up answers ${answer.status}`, "see the app's own log: storage/logs");
    }
    return ok(`${where} answers${isLaravel ? " and is Laravel" : ""}`);
  },
};

/** The command for the port at which the sidecar looks; `artisan serve` listens on no Unix socket. */
function artisanServe(address: UpstreamAddress): string {
  return address.kind === "tcp" ? ` (php artisan serve --port=${address.port})` : "";
}

/** Its signature is refused by nobody: the app is asked about it, and a guest has no right to it. */
const guestChannel = "private-pogo-doctor";
const socketId = "1.1";

/** A guest asks for a channel that is nobody's: 403 shows that the app decides by itself. */
export const guestIsRefused: Check = {
  name: "authorization of a guest",
  needs: [appAnswers],
  async run(subject) {
    const answer = await askForChannel(subject, guestChannel, null);
    if (!answer) return skipped("stands alone: subscriptions without a signature are refused");
    return explain(subject, guestChannel, answer, true);
  },
};

/** The question that the sidecar would ask for the visitor whose cookie was given. */
export const replay: Check = {
  name: "replayed authorization",
  needs: [appAnswers],
  async run(subject) {
    const { channel, cookie } = subject;
    if (channel === null) return skipped("no --channel was given");
    const answer = await askForChannel(subject, channel, cookie);
    if (!answer) return skipped("stands alone: subscriptions without a signature are refused");
    return explain(subject, channel, answer, false);
  },
};

function askForChannel(
  { config, url }: Subject,
  channel: string,
  cookie: string | null,
): Promise<Answer> | null {
  const { address } = config.upstream;
  if (address === null) return null;
  return askUpstream(address, config.authorizer.authPath, {
    method: "POST",
    headers: {
      Host: url.host,
      Accept: "application/json",
      "Content-Type": "application/x-www-form-urlencoded",
      "X-Requested-With": "XMLHttpRequest",
      "X-Forwarded-Proto": url.protocol.slice(0, -1),
      "X-Forwarded-Host": url.host,
      ...(cookie !== null && { Cookie: cookie }),
    },
    body: new URLSearchParams({ channel_name: channel, socket_id: socketId }).toString(),
  });
}

function explain(subject: Subject, channel: string, answer: Answer, isGuest: boolean): Finding {
  const { authPath } = subject.config.authorizer;
  if (!answer.ok) return wrong(`${authPath}: ${answer.why}`, "has the app enough workers?");
  const { status, text } = answer;
  const isDenied = status === 401 || status === 403;
  if (isDenied && isGuest) return ok(`${authPath} refuses a guest (${status}), as it should`);
  if (isDenied && subject.cookie === null) {
    return wrong(
      `${authPath} answers ${status} to a guest`,
      "pass the visitor's cookie: --cookie 'laravel_session=…'",
    );
  }
  const { app } = subject;
  const explained = explainAnswer({ app, socketId, channel, authPath }, status, text);
  if (!explained.isAllowed) return wrong(explained.text, explained.fix);
  return isGuest
    ? hint(
        `the app gives a guest ${channel}`,
        "does a callback in routes/channels.php say yes to everybody?",
      )
    : ok(explained.text);
}
