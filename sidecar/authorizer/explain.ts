/** Explains the app's answer about a channel, with the line that fixes it: for the doctor and the console. */

import type { App } from "../core/app.ts";
import { laravelNameOf } from "../core/channel-name.ts";
import { isObject, parseJson } from "../core/json.ts";
import { checkChannelSignature } from "../core/signature.ts";
import { readAuthAnswer } from "./auth-answer.ts";

export type Explanation =
  | { readonly isAllowed: true; readonly text: string }
  | { readonly isAllowed: false; readonly text: string; readonly fix: string };

/** What the app was asked. */
export interface Asked {
  readonly app: App;
  readonly socketId: string;
  readonly channel: string;
  /** The path at which it was. */
  readonly authPath: string;
}

/** @param text the body */
export function explainAnswer(asked: Asked, status: number, text: string): Explanation {
  if (status === 200) return explainYes(asked, text);
  const { authPath, channel } = asked;
  if (status === 401 || status === 403) {
    return no(
      `${authPath} answers ${status}: nobody is logged in by this cookie, or the channel's callback says no`,
      `routes/channels.php has to have a callback for ${JSON.stringify(laravelNameOf(channel))} that returns true${channel.startsWith("presence-") ? " or the member's data" : ""}`,
    );
  }
  const [what, fix] = statusAdvice(status, authPath);
  return no(`${authPath} answers ${status}: ${what}`, fix);
}

function no(text: string, fix: string): Explanation {
  return { isAllowed: false, text, fix };
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

function explainYes(asked: Asked, text: string): Explanation {
  const read = readAuthAnswer(Buffer.from(text), asked);
  if (read.ok) {
    return {
      isAllowed: true,
      text: "the app says yes, and signs with the sidecar's key and secret",
    };
  }
  switch (read.reason) {
    case "invalid_response_json":
    case "missing_signature":
      return no(
        text.trimStart().startsWith("<")
          ? "the answer is a page, not JSON"
          : "the answer holds no signature",
        "in .env: BROADCAST_CONNECTION=reverb (not log or null), then php artisan config:clear",
      );
    case "missing_channel_data":
      return no(
        "the answer holds no channel_data",
        "the presence channel's callback must return the member's data, an array",
      );
    case "invalid_signature":
      return explainSignature(asked, text);
  }
}

function explainSignature({ app, socketId, channel }: Asked, text: string): Explanation {
  const json = parseJson(text);
  const fields = json.ok && isObject(json.value) ? json.value : {};
  const [auth, channelData] = [fields["auth"], fields["channel_data"]].map((value) =>
    typeof value === "string" ? value : undefined,
  );
  const check = checkChannelSignature(app, { socketId, channel, channelData }, auth ?? "");
  return !check.ok && check.sentKey !== undefined
    ? no(
        `the app signs with the key ${check.sentKey.slice(0, 64)}, the sidecar has ${app.key}`,
        "give both the same REVERB_APP_KEY, then php artisan config:clear",
      )
    : no(
        "the app signs with another secret than the sidecar has",
        "give both the same REVERB_APP_SECRET, then php artisan config:clear",
      );
}
