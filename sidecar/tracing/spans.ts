/** The name and the attributes of each kind of span. */

import type { SpanFields, SpanKind } from "../core/trace.ts";

export type Role = "server" | "client" | "producer" | "consumer";

export type Attributes = Readonly<Record<string, string | number | null>>;

/** A span in OpenTelemetry's words. */
export interface Description {
  readonly role: Role;
  readonly name: string;
  /** By the names of OpenTelemetry's conventions where there is one; null: it has none. */
  readonly attributes: Attributes;
  /** What went wrong; null: nothing did. */
  readonly fault: string | null;
}

interface Row<Fields> {
  readonly role: Role;
  readonly name: (fields: Fields) => string;
  readonly attributes: (fields: Fields) => Attributes;
  readonly fault: (fields: Fields) => string | null;
}

const rows: { readonly [K in SpanKind]: Row<SpanFields[K]> } = {
  proxy: {
    role: "server",
    name: ({ method }) => method,
    attributes: ({ method, path, status }) => ({
      "http.request.method": method,
      "url.path": path,
      "http.response.status_code": status,
    }),
    fault: ({ status }) => faultOfStatus(status),
  },
  api: {
    role: "server",
    name: ({ method, route }) => `${method} /apps/{id}/${route}`,
    attributes: ({ appId, method, route, status }) => ({
      "http.request.method": method,
      "http.route": `/apps/{id}/${route}`,
      "http.response.status_code": status,
      "pogo.app_id": appId,
    }),
    fault: ({ status }) => faultOfStatus(status),
  },
  broker: {
    role: "producer",
    name: () => "publish",
    attributes: ({ appId, events }) => ({
      "messaging.system": "pogo",
      "messaging.operation.type": "send",
      "messaging.batch.message_count": events,
      "pogo.app_id": appId,
    }),
    fault: ({ fault }) => fault,
  },
  fan_out: {
    role: "consumer",
    name: () => "fan out",
    attributes: ({ appId, channels, recipients, bytes }) => ({
      "messaging.system": "pogo",
      "messaging.operation.type": "process",
      "pogo.app_id": appId,
      "pogo.channels": channels,
      "pogo.recipients": recipients,
      "pogo.bytes": bytes,
    }),
    fault: () => null,
  },
  authorization: {
    role: "client",
    name: ({ path }) => `POST ${path}`,
    attributes: ({ path, status }) => ({
      "http.request.method": "POST",
      "url.path": path,
      "http.response.status_code": status,
    }),
    fault: ({ fault }) => fault,
  },
};

export function describe<K extends SpanKind>(kind: K, fields: SpanFields[K]): Description {
  const row: Row<SpanFields[K]> = rows[kind];
  return {
    role: row.role,
    name: row.name(fields),
    attributes: row.attributes(fields),
    fault: row.fault(fields),
  };
}

/** A server's span is in error from 500 on (OpenTelemetry, "HTTP server semantic conventions"). */
function faultOfStatus(status: number): string | null {
  return status >= 500 ? String(status) : null;
}
