/** The recommended Echo options, the same in the README, the docs, the demo and the Laravel package. */

/**
 * The address is the page's own, so that one build runs on a laptop, on a phone in the LAN, in staging and production.
 *
 * @param path where the sidecar's endpoints are below (`POGO_PATH`); empty: at the root
 */
export function echoBlock(path = ""): string {
  return [
    "window.Echo = new Echo({",
    '  broadcaster: "reverb",',
    "  key: import.meta.env.VITE_REVERB_APP_KEY,",
    "  wsHost: window.location.hostname,",
    "  wsPort: Number(window.location.port) || 80,",
    "  wssPort: Number(window.location.port) || 443,",
    '  forceTLS: window.location.protocol === "https:",',
    '  enabledTransports: ["ws", "wss"],',
    ...(path === "" ? [] : [`  wsPath: ${JSON.stringify(path)},`]),
    "});",
  ].join("\n");
}
