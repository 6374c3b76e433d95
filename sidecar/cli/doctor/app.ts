/** What the PHP app says: whether it is there, and how it answers the question that authorizes a channel. */

import { readAuthAnswer } from "../../authorizer/auth-answer.ts";
import { checkChannelSignature } from "../../core/signature.ts";
import { isObject, parseJson } from "../../core/json.ts";
import { showUpstream } from "../../http/upstream-address.ts";
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
        "start the app (php artisan serve --port=8000), or set POGO_UPSTREAM to where it listens",
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
  const { status } = answer;
  if (status === 200) return explainYes(subject, channel, answer.text, isGuest);
  if (status === 401 || status === 403) {
    if (isGuest) return ok(`${authPath} refuses a guest (${status}), as it should`);
    return subject.cookie === null
      ? wrong(
          `${authPath} answers ${status} to a guest`,
          "pass the visitor's cookie: --cookie 'laravel_session=…'",
        )
      : wrong(
          `${authPath} answers ${status}: nobody is logged in by this cookie, or the channel's callback says no`,
          `routes/channels.php has to have a callback for ${JSON.stringify(channel.replace(/^(private-encrypted-|private-|presence-)/, ""))} that returns true${channel.startsWith("presence-") ? " or the member's data" : ""}`,
        );
  }
  const [what, fix] = statusAdvice(status, authPath);
  return wrong(`${authPath} answers ${status}: ${what}`, fix);
}

function statusAdvice(status: number, authPath: string): [what: string, fix: string] {
  if (status >= 300 && status < 400) {
    return [
      "it redirects, most often to a login page",
      "the route must answer JSON: leave it to Broadcast::routes(), without a middleware that redirects",
    ];
  }
  switch (status) {
    case 404:
      return [
        "the app has no such route",
        `in bootstrap/app.php, withRouting(channels: …) registers it; with another prefix set POGO_AUTH_PATH (now ${authPath})`,
      ];
    case 405:
      return [
        "the route takes no POST",
        "set POGO_AUTH_PATH to the path of Broadcast::routes(): php artisan route:list --path=broadcasting",
      ];
    case 419:
      return [
        "the CSRF token is missing",
        "exempt the path: $middleware->validateCsrfTokens(except: ['broadcasting/*'])",
      ];
    case 429:
      return ["its rate limit is reached", "lift the throttle of this route for the sidecar"];
    case 503:
      return ["the app is in maintenance mode", "php artisan up"];
    default:
      return status >= 500
        ? ["the app failed", "see the app's own log: storage/logs"]
        : ["an answer that no broadcaster of Laravel gives", "is POGO_AUTH_PATH right?"];
  }
}

function explainYes(subject: Subject, channel: string, text: string, isGuest: boolean): Finding {
  const { app } = subject;
  const read = readAuthAnswer(Buffer.from(text), { app, socketId, channel });
  if (read.ok) {
    return isGuest
      ? hint(
          `the app gives a guest ${channel}`,
          "does a callback in routes/channels.php say yes to everybody?",
        )
      : ok(`the app says yes, and signs with the sidecar's key and secret`);
  }
  switch (read.reason) {
    case "invalid_response_json":
    case "missing_signature":
      return wrong(
        text.trimStart().startsWith("<")
          ? "the answer is a page, not JSON"
          : "the answer holds no signature",
        "in .env: BROADCAST_CONNECTION=reverb (not log or null), then php artisan config:clear",
      );
    case "missing_channel_data":
      return wrong(
        "the answer holds no channel_data",
        "the presence channel's callback must return the member's data, an array",
      );
    case "invalid_signature":
      return explainSignature(subject, channel, text);
  }
}

function explainSignature({ app }: Subject, channel: string, text: string): Finding {
  const json = parseJson(text);
  const fields = json.ok && isObject(json.value) ? json.value : {};
  const [auth, channelData] = [fields["auth"], fields["channel_data"]].map((value) =>
    typeof value === "string" ? value : undefined,
  );
  const check = checkChannelSignature(app, { socketId, channel, channelData }, auth ?? "");
  return !check.ok && check.sentKey !== undefined
    ? wrong(
        `the app signs with the key ${check.sentKey.slice(0, 64)}, the sidecar has ${app.key}`,
        "give both the same REVERB_APP_KEY, then php artisan config:clear",
      )
    : wrong(
        "the app signs with another secret than the sidecar has",
        "give both the same REVERB_APP_SECRET, then php artisan config:clear",
      );
}
