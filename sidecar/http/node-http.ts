/**
 * The parts of node:http that are used, loaded as CommonJS. An `import` of values from node:http evaluates all of its
 * exports, its own WebSocket among them, which loads all of undici, some 6 MB.
 */

import type * as nodeHttp from "node:http";
import { createRequire } from "node:module";

const http: typeof nodeHttp = createRequire(import.meta.url)("node:http");

export const { Agent, IncomingMessage, ServerResponse, STATUS_CODES, createServer, request } = http;
