/** Parsers of a Unix socket's path, permissions and owner. */

import { readFileSync } from "node:fs";
import type { SocketOwner } from "../../http/listener.ts";
import { accept, reject, type Parser } from "./parser.ts";

export const socketPath: Parser<string> = {
  allowed: "the absolute path of a Unix socket such as /run/pogo/api.sock",
  placeholder: "path",
  parse(text) {
    if (!text.startsWith("/")) return reject();
    // sun_path of sockaddr_un, its closing zero included (unix(7)).
    const isTooLong = Buffer.byteLength(text) > 107;
    return isTooLong ? reject("the path of a socket has at most 107 bytes") : accept(text);
  },
  show: String,
};

/** `660`, as chmod(1) takes it. */
export const fileMode: Parser<number> = {
  allowed: "permissions in octal digits such as 660",
  placeholder: "mode",
  parse: (text) => (/^0?[0-7]{3}$/.test(text) ? accept(Number.parseInt(text, 8)) : reject()),
  show: (mode) => mode.toString(8).padStart(3, "0"),
};

/** `user:group`, by name or number, as chown(1) takes it. Null: whoever runs the process. */
export const fileOwner: Parser<SocketOwner | null> = {
  allowed: "a user and a group such as www-data:www-data or 1000:1000",
  placeholder: "user:group",
  parse(text) {
    const [user = "", group = "", ...rest] = text.split(":");
    if (user === "" || group === "" || rest.length > 0) return reject();
    const uid = findId("/etc/passwd", user);
    if (uid === undefined) {
      return reject(`there is no user ${JSON.stringify(user)} on this machine`);
    }
    const gid = findId("/etc/group", group);
    if (gid === undefined) {
      return reject(`there is no group ${JSON.stringify(group)} on this machine`);
    }
    return accept({ uid, gid });
  },
  show: (owner) => (owner === null ? "" : `${owner.uid}:${owner.gid}`),
};

/** passwd(5) and group(5): the name is the first field of a line, the number the third. */
function findId(file: string, name: string): number | undefined {
  if (/^\d{1,10}$/.test(name)) return Number(name);
  const line = readLines(file).find((line) => line.startsWith(`${name}:`));
  const id = line?.split(":")[2];
  return id === undefined ? undefined : Number(id);
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
