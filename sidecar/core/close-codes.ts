/** Close codes that stand in no frame (RFC 6455 §7.1.5). */

/** Of a connection that ended without a close. */
export const goneCode = 1006;
