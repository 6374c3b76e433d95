/** The part of `docs/configuration.md` that is about several apps. */

import { canBeNone, fallbackText, type Option } from "../sidecar/config/table/option.ts";
import { perAppOptions } from "../sidecar/config/table/table.ts";
import { table, type Cells } from "./markdown.ts";

/** Complete: it is loaded by a test as it stands here. */
const example = `{
  "upstream": "http://127.0.0.1:8000",
  "max_connections": 20000,
  "client_msg_rate_limit": 20,
  "apps": [
    {
      "app_id": "501",
      "key": "shop-key",
      "secret_file": "/run/secrets/shop",
      "allowed_origins": ["shop.example.com", "*.shop.example.com"],
      "ping_interval": 60,
      "activity_timeout": 30,
      "max_connections": 5000,
      "max_message_size": 10000,
      "accept_client_events_from": "members",
      "rate_limiting": {
        "enabled": true,
        "max_attempts": 60,
        "decay_seconds": 60,
        "terminate_on_limit": false
      },
      "subscription_count": true,
      "max_presence_members": 100,
      "webhooks": [
        { "url": "/pogo/events", "events": ["channel_occupied", "channel_vacated"] },
        {
          "url": "https://stats.example.com/shop",
          "events": ["member_added", "member_removed"],
          "channel_prefix": "presence-",
          "secret_file": "/run/secrets/stats"
        }
      ]
    },
    {
      "app_id": "502",
      "key": "chat-key",
      "secret_file": "/run/secrets/chat",
      "allowed_origins": ["chat.example.com"],
      "max_connections": null,
      "client_msg_rate_limit": 100,
      "api_publish_rate": 200
    }
  ]
}`;

export function renderAppDocs(): string {
  return `## Several apps

One sidecar serves several apps where the config file lists them under \`apps\`. An entry has the keys that the app has in Laravel's \`config/reverb.php\`, so that it can be taken over from there; those of the sidecar alone stand beside them.

\`\`\`json
${example}
\`\`\`

Apps share the ports, the upstream and what bounds the whole node (\`max_connections\` beside \`apps\`); nothing else crosses from one to another. Each has its own channels, users, limits, origins and webhooks, its own \`/apps/{id}\` in the HTTP API, its own \`app_id\` in the metrics, and, on a single node, 64 MiB of its own for the last events of cache channels. A subscribe without a signature is put to the one upstream for all of them, and the answer counts only if it is signed with the secret of the connection's own app.

- **What an app leaves out** is what the option has for the node: flag, environment, top of the file, default. What stands in its entry wins over all of them.
- **Numbers** for a duration are seconds, as in Laravel; with a unit it may be any: \`"1500ms"\`.
- **\`null\`** is \`none\` where the table below says that it can be, and elsewhere the same as leaving the key out.
- **\`webhooks\`** of an app replace the node's (\`POGO_WEBHOOK_URL\`); \`[]\` is none. A secret left out is \`POGO_WEBHOOK_SECRET\`, or else the app's own.
- **\`options\`** (Laravel's \`host\`, \`port\`, \`scheme\`, \`useTLS\`) may stay and is not read: where the sidecar listens is its own affair.
- **Credentials elsewhere**: \`REVERB_APP_ID\`, \`REVERB_APP_KEY\` and \`REVERB_APP_SECRET\` are not read, for they are those that Laravel publishes with. \`POGO_APP_ID\`, \`POGO_APP_KEY\` and \`POGO_APP_SECRET\`, as flags and keys too, are an error beside \`apps\`.

Errors name the place: \`apps[1].ping_interval in /etc/pogo.json\`. \`pogo-sidecar check\` prints each app under a heading of its own.

${table(["Key in an app", "Whose", "Default", "Can be `null`", "The node's option, and what it means"], perAppOptions.map(cellsOf))}
`;
}

function cellsOf(option: Option<unknown> & { readonly perApp: string }): Cells {
  const { perApp, env, laravel, secret, required } = option;
  const keys = secret ? [perApp, `${perApp}_file`] : [perApp];
  return [
    keys.map((key) => `\`${key}\``).join("<br>"),
    laravel === undefined ? "Sidecar" : "Laravel",
    required ? "required" : `\`${fallbackText(option) || "none"}\``,
    canBeNone(option) ? "yes" : "",
    `\`${env}\``,
  ];
}
