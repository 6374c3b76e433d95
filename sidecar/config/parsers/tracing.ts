/** Parsers for values of OpenTelemetry's variables. */

import { accept, reject, type Parser } from "./parser.ts";

export const collectorUrl: Parser<URL> = {
  allowed: "an http:// or https:// URL such as http://collector:4318",
  placeholder: "url",
  parse(text) {
    const url = URL.parse(text);
    if (!url || !/^https?:$/.test(url.protocol) || url.hash !== "") return reject();
    if (url.port === "4317") return reject("4317 is gRPC's port; OTLP over HTTP usually has 4318");
    if (/\/v1\/traces\/?$/.test(url.pathname)) return reject("/v1/traces is added to it");
    return accept(url);
  },
  isConfidential: true,
  // User and query may be secrets.
  show: ({ protocol, host, pathname }) => `${protocol}//${host}${pathname.replace(/\/$/, "")}`,
};

/** W3C Baggage, as OTEL_EXPORTER_OTLP_HEADERS has it: `name=value,name=value`, values percent-encoded. */
export const collectorHeaders: Parser<Readonly<Record<string, string>>> = {
  allowed: "a comma list of name=value, values percent-encoded",
  placeholder: "headers",
  isConfidential: true,
  parse(text) {
    const headers: Record<string, string> = Object.create(null);
    for (const part of text.split(",").filter((each) => each.trim() !== "")) {
      const [, name, encoded] =
        /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*([\x21-\x7e ]*?)\s*$/.exec(part) ?? [];
      const value = encoded === undefined ? null : decode(encoded);
      if (name === undefined || value === null) return reject();
      headers[name] = value;
    }
    return accept(headers);
  },
  show: (headers) =>
    Object.entries(headers)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join(","),
};

export const serviceName: Parser<string> = {
  allowed: "a name of up to 255 characters",
  placeholder: "name",
  parse: (text) => (/^[\x20-\x7e]{1,255}$/.test(text) ? accept(text) : reject()),
  show: String,
};

export const ratio: Parser<number> = {
  allowed: "a number from 0 to 1",
  placeholder: "ratio",
  parse(text) {
    const value = /^\d(\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
    return value <= 1 ? accept(value) : reject();
  },
  show: String,
};

/** Null: it is wrongly encoded, or holds what no header field may. */
function decode(text: string): string | null {
  try {
    const value = decodeURIComponent(text);
    return /^[\x20-\x7e]*$/.test(value) ? value : null;
  } catch {
    return null;
  }
}
