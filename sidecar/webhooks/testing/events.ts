/** For tests: an encoded event that nothing is special about. */

export const plain = {
  json: "1",
  bytes: 1,
  atMs: 0,
  group: "members",
  socketId: null,
  key: null,
} as const;
