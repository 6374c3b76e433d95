/** Parsers of names and addresses: credentials, hosts, paths, the upstream, proxies and origins. */

import { isIP } from "node:net";
import { parseUpstream, showUpstream, type UpstreamAddress } from "../../http/upstream-address.ts";
import type { BindAddress } from "../../http/listener.ts";
import { accept, list, reject, type Parser } from "./parser.ts";
import { socketPath } from "./unix-socket.ts";

/** Part of a URL path (`/app/{key}`) or of `key:signature`: what separates those can't be in it. */
export function credential(what: "id" | "key" | "secret"): Parser<string> {
  return {
    allowed:
      what === "secret" ? "text without white space" : "text without white space and / ? # % : \\",
    placeholder: what,
    parse(text) {
      if (/\s$/.test(text)) {
        return reject("it ends in white space, as one made with `echo` instead of `echo -n` does");
      }
      if (/\s/.test(text)) return reject();
      return what !== "secret" && /[/?#%:\\]/.test(text) ? reject() : accept(text);
    },
    show: String,
  };
}

/** What is asked for at a login: too long to be guessed. */
export const token: Parser<string> = {
  allowed: "text of 16 characters or more, without white space",
  placeholder: "token",
  parse(text) {
    if (text.length < minTokenLength) return reject("`openssl rand -hex 24` makes a good one");
    return credential("secret").parse(text);
  },
  show: String,
};

const minTokenLength = 16;

/** An address to listen on; `[::]` is taken as `::`. */
export const bindHost: Parser<string> = {
  allowed: "an IP address or a host name, without a port",
  placeholder: "address",
  parse(text) {
    const bare = text.replace(/^\[(.*)\]$/, "$1");
    if (isIP(bare) !== 0) return accept(bare);
    return isHostName(text) ? accept(text) : reject();
  },
  show: String,
};

/** A host to listen on, or a Unix socket. */
export const bindAddress: Parser<BindAddress> = {
  allowed: "an IP address or a host name without a port, or unix:/path/to.sock",
  placeholder: "address",
  parse(text) {
    const path = /^unix:(?:\/\/)?(.*)$/s.exec(text)?.[1];
    if (path === undefined) {
      const host = bindHost.parse(text);
      return host.ok ? accept({ kind: "tcp", host: host.value }) : host;
    }
    if (!path.startsWith("/")) {
      return reject("the path of the socket is absolute: unix:/run/pogo.sock");
    }
    const socket = socketPath.parse(path);
    return socket.ok ? accept({ kind: "unix", path }) : socket;
  },
  show: (address) => (address.kind === "unix" ? `unix:${address.path}` : address.host),
};

/** Names as they stand in a Host field, without its port. */
export const hostNames = list(
  {
    allowed: "a host name without a port",
    placeholder: "name",
    parse: (text) => (isHostName(text) ? accept(text.toLowerCase()) : reject()),
    show: String,
  },
  "host names without ports, with commas between them",
  "names",
);

/** Where a browser finds a server: `http://host:port/`. */
export const webAddress: Parser<string> = {
  allowed: "http://host:port or https://host:port, without a path",
  placeholder: "url",
  parse(text) {
    const url = URL.parse(text);
    if (!url || !/^https?:$/.test(url.protocol)) return reject();
    return url.href === `${url.origin}/` ? accept(url.href) : reject();
  },
  show: String,
};

/** In front of `/app` and `/apps`: empty, or `/…` without a slash at the end. */
export const pathPrefix: Parser<string> = {
  allowed: "a path of letters, digits and - . _ ~ such as /ws",
  placeholder: "path",
  parse(text) {
    const segments = text.replace(/^\//, "").replace(/\/$/, "");
    if (segments === "") return accept("");
    const isClean = /^[\w.~-]+(\/[\w.~-]+)*$/.test(segments);
    return isClean && !/(^|\/)\.\.?(\/|$)/.test(segments) ? accept(`/${segments}`) : reject();
  },
  show: String,
};

/** A path on the upstream, as it goes into the request line. */
export const upstreamPath: Parser<string> = {
  allowed: "a path that starts with / such as /broadcasting/auth",
  placeholder: "path",
  parse(text) {
    if (/^https?:/i.test(text)) return reject("only the path goes here, POGO_UPSTREAM says where");
    return /^\/[\w.~!$&'()*+,;=:@%/-]*$/.test(text) ? accept(text) : reject();
  },
  show: String,
};

/** A directory. */
export const absolutePath: Parser<string> = {
  allowed: "the absolute path of a directory such as /var/lib/pogo",
  placeholder: "path",
  parse: (text) => (text.startsWith("/") ? accept(text) : reject()),
  show: String,
};

/** Null for none. */
export const upstreamAddress: Parser<UpstreamAddress | null> = {
  allowed: "http://host:port, unix:/path/to.sock or none",
  placeholder: "address",
  parse(text) {
    if (text.toLowerCase() === "none") return accept(null);
    if (/^https:/i.test(text)) {
      return reject("TLS is not spoken to the upstream, which is next door");
    }
    const parsed = parseUpstream(text);
    if (parsed.ok) return accept(parsed.upstream);
    return /^(http|unix):/i.test(text) ? reject(parsed.error) : reject();
  },
  show: (value) => (value === null ? "none" : showUpstream(value)),
};

const trustedProxy: Parser<string> = {
  allowed: 'an IP address, a CIDR range such as 10.0.0.0/8, or "unix"',
  placeholder: "address",
  parse(text) {
    if (text === "unix") return accept(text);
    if (text === "*") {
      return reject(
        '"*" would believe everybody; write the ranges of your proxies (0.0.0.0/0,::/0 if you must)',
      );
    }
    const [network = "", bits, ...rest] = text.split("/");
    const most = isIP(network) === 4 ? 32 : 128;
    const isRange = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
    return isIP(network) !== 0 && !network.includes("%") && isRange && rest.length === 0
      ? accept(text)
      : reject();
  },
  show: String,
};

export const trustedProxies = list(
  trustedProxy,
  "a comma list of IP addresses and CIDR ranges such as 10.0.0.0/8,::1",
  "addresses",
);

const allowedOrigin: Parser<string> = {
  allowed:
    "*, a host name, a pattern such as *.example.com, or an origin such as https://example.com",
  placeholder: "origin",
  parse(text) {
    if (/^(null|file:\/*)$/i.test(text)) {
      return reject(
        `${JSON.stringify(text)} names no page: local files send it, and null any page's sandboxed frame; such clients need *`,
      );
    }
    // Browsers send origins in lower case and without a slash at the end.
    const origin = text.toLowerCase().replace(/^(\w+:\/\/[^/]+)\/$/, "$1");
    const [, scheme, host = ""] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/]*)$/.exec(origin) ?? [];
    if (/^\w+:\/\/.*\//.test(origin)) {
      return reject(`${JSON.stringify(text)}: an origin has no path`);
    }
    const [, name = "", port] = /^(.*?)(?::(\d{1,5}))?$/.exec(host) ?? [];
    const isHost = /^[a-z0-9_*-]+(\.[a-z0-9_*-]+)*$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name);
    if (isHost && port !== undefined && scheme === undefined) {
      return reject(
        `${JSON.stringify(text)}: with a port goes the scheme, as in https://${origin}`,
      );
    }
    return isHost && Number(port ?? 0) <= 65_535 ? accept(origin) : reject();
  },
  show: String,
};

export const allowedOrigins = list(
  allowedOrigin,
  "a comma list of *, host names, patterns such as *.example.com and origins such as https://example.com",
  "origins",
);

function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(text)
  );
}
