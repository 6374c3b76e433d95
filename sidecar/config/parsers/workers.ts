/** How many processes to run: a number, or as many as there are cores. */

import { availableParallelism } from "node:os";
import { accept, integer, type Parser } from "./parser.ts";

const number = integer({ min: 1, max: 256 });

/** `auto`: the cores that this process may use, an affinity and the CPU limit of a container included. */
export const workerCount: Parser<number> = {
  ...number,
  allowed: `${number.allowed}, or auto`,
  parse: (text) =>
    text.toLowerCase() === "auto" ? accept(availableParallelism()) : number.parse(text),
};
