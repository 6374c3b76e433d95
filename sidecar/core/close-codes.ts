/** Close codes (RFC 6455 §7.4.1); two of them never appear in a frame. */

/** Of a client that is done. */
export const normalCode = 1000;
/** Of a close without a code. */
export const noCode = 1005;
/** Of a connection that ended without a close. */
export const goneCode = 1006;
