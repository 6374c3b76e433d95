/** Parsers for how Redis is reached: hosts, nodes, URLs, certificates. */

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { urlHost } from "../../http/host.ts";
import { bindHost } from "./addresses.ts";
import { accept, list, reject, type Parser } from "./parser.ts";
import type { Address } from "../../broker/redis/clients.ts";

/** As it was written; null is left open there, and for another option to say. */
export type RedisAddress =
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number | null;
      readonly isTls: boolean | null;
    };

export interface RedisUrl {
  readonly address: RedisAddress;
  readonly username: string | null;
  readonly password: string | null;
  readonly db: number | null;
}

/** A host as the original took it (`host:port`) and as Laravel does (`tls://host`, the path of a socket). */
export const redisHost: Parser<RedisAddress> = {
  allowed: "a host, host:port, tls://host or the path of a Unix socket",
  placeholder: "host",
  parse(text) {
    if (isSocketPath(text)) return accept({ kind: "unix", path: text });
    if (/^(rediss?|unix):\/\//i.test(text)) return reject("a URL goes into POGO_REDIS_URL");
    if (text.includes("@")) return reject(whereCredentialsGo);
    const [, scheme, rest = ""] = /^(?:(tls|tcp):\/\/)?(.*)$/is.exec(text) ?? [];
    const found = parseHostPort(rest);
    const isTls = scheme === undefined ? null : scheme.toLowerCase() === "tls";
    return found ? accept({ kind: "tcp", ...found, isTls }) : reject();
  },
  show(address) {
    if (address.kind === "unix") return address.path;
    const scheme = address.isTls === null ? "" : address.isTls ? "tls://" : "tcp://";
    return scheme + showHostPort(address);
  },
};

/** `tcp` and `tls` are what Laravel makes of `redis` and `rediss`, and takes as well. */
const tlsOfScheme: ReadonlyMap<string, boolean> = new Map([
  ["redis", false],
  ["rediss", true],
  ["tcp", false],
  ["tls", true],
]);

/** Null: none is given. */
export const redisUrl: Parser<RedisUrl | null> = {
  allowed: "a URL such as redis://user:password@host:6379/0, rediss://host or unix:///path",
  placeholder: "url",
  parse(text) {
    const [, scheme = "", user = "", secret = "", rest = ""] =
      /^([a-z]+):\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?(.*)$/is.exec(text) ?? [];
    if (rest.includes("@")) {
      return reject("in its user and password @ is written %40, / %2F, ? %3F, # %23 and % %25");
    }
    if (/[?#]/.test(rest)) return reject("what follows a ? or # in it would not be read");
    const [username, password] = [percentDecoded(user), percentDecoded(secret)];
    if (username === undefined || password === undefined) {
      return reject("its user or password is wrongly encoded");
    }
    if (scheme.toLowerCase() === "unix") {
      if (!isSocketPath(rest)) return reject();
      return accept({ address: { kind: "unix", path: rest }, username, password, db: null });
    }
    const isTls = tlsOfScheme.get(scheme.toLowerCase());
    const [, where = "", number = ""] = /^([^/]+)(?:\/(\d{0,9}))?$/.exec(rest) ?? [];
    const found = parseHostPort(where);
    if (!found || isTls === undefined) return reject();
    const db = number === "" ? null : Number(number);
    return accept({ address: { kind: "tcp", ...found, isTls }, username, password, db });
  },
  // A secret: it is shown nowhere.
  show: () => "",
};

/** One node at least, each with its port. */
export function redisNodes(usualPort: number): Parser<readonly Address[]> {
  const node: Parser<Address> = {
    allowed: "a host or host:port",
    placeholder: "host",
    parse(text) {
      if (text.includes("@")) return reject(whereCredentialsGo);
      const found = parseHostPort(text);
      return found ? accept({ host: found.host, port: found.port ?? usualPort }) : reject();
    },
    show: showHostPort,
  };
  const nodes = list(
    node,
    `a comma list of hosts, each with its port where that is not ${usualPort}`,
    "hosts",
  );
  return {
    ...nodes,
    parse(text) {
      const parsed = nodes.parse(text);
      return parsed.ok && parsed.value.length === 0 ? reject("it names none") : parsed;
    },
  };
}

const whereCredentialsGo = "user and password have options of their own";

export function word(placeholder: string): Parser<string> {
  return {
    allowed: "text without white space",
    placeholder,
    parse: (text) => (/\s/.test(text) ? reject() : accept(text)),
    show: String,
  };
}

/** In front of keys; in a cluster, braces would put all of them on one node. */
export const keyPrefix: Parser<string> = {
  allowed: "up to 100 letters, digits and _ - . :",
  placeholder: "prefix",
  parse: (text) => (/^[\w.:-]{1,100}$/.test(text) ? accept(text) : reject()),
  show: String,
};

/** In front of Laravel's channels; any text that a name can begin with. */
export const channelPrefix: Parser<string> = {
  allowed: "up to 200 characters without white space at its ends",
  placeholder: "prefix",
  parse: (text) =>
    /^\P{Cc}{1,200}$/u.test(text) && text.trim() === text ? accept(text) : reject(),
  show: String,
};

export const filePath: Parser<string> = {
  allowed: "the path of a file",
  placeholder: "path",
  parse: accept,
  show: String,
};

/** What is in a file of authorities. */
export const certificates: Parser<string> = {
  allowed: "a file of certificates in PEM (-----BEGIN CERTIFICATE-----)",
  placeholder: "certificates",
  parse(text) {
    const blocks = text.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
    return blocks.length > 0 && blocks.every(isCertificate) ? accept(text) : reject();
  },
  show: String,
};

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function isSocketPath(text: string): boolean {
  return /^\/\P{Cc}+$/u.test(text);
}

function parseHostPort(text: string): { host: string; port: number | null } | null {
  if (isIP(text) === 6) return { host: text, port: null };
  const [, name = "", digits] = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bindHost.parse(name);
  const port = digits === undefined ? null : Number(digits);
  const isPort = port === null || (port >= 1 && port <= 65_535);
  return host.ok && isPort ? { host: host.value, port } : null;
}

function showHostPort({ host, port }: { host: string; port: number | null }): string {
  return port === null ? urlHost(host) : `${urlHost(host)}:${port}`;
}

/** Null: empty. Undefined: `%` is followed by what can't be decoded. */
function percentDecoded(text: string): string | null | undefined {
  try {
    return decodeURIComponent(text) || null;
  } catch {
    return undefined;
  }
}
