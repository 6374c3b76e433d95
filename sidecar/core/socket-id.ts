/** The id of a connection, in the form that Pusher's libraries accept. */

/** Digits, a dot, digits: of any other `pusher-http-php` throws, upon which Laravel answers 500. */
export function isSocketId(text: string): boolean {
  return /^\d+\.\d+$/.test(text);
}
