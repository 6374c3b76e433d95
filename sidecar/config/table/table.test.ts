import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { directives } from "../sources/directives.ts";
import { allOptions, perAppOptions, table } from "./table.ts";
import { flatten } from "./values.ts";

describe("the option table", () => {
  it("has every option in one group", () => {
    assert.equal(allOptions.length, new Set(allOptions).size);
    assert.deepEqual(new Set(allOptions), new Set(flatten(table)));
  });

  it("gives no name to two options", () => {
    const names = allOptions.flatMap(({ env, flag, laravel, original, standard }) =>
      [env, flag, laravel, original, standard].filter((name) => name !== undefined),
    );
    assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
  });

  it("gives no two options the same place in an app of the config file", () => {
    const places = perAppOptions.map(({ perApp }) => perApp);
    assert.deepEqual(places.toSorted(), [...new Set(places)].toSorted());
  });

  for (const { env, parser, fallback, required, docs } of allOptions) {
    it(`${env}: its default is a value, and its text says something`, () => {
      const shown = parser.show(fallback);
      if (!required && shown !== "") {
        assert.deepEqual(parser.parse(shown), { ok: true, value: fallback });
      }
      assert.match(
        docs,
        /^[A-Z][^|\n]{20,}\.$/,
        "starts upper case, ends with a full stop, one line",
      );
    });
  }

  /** A search result or `--help` shows one row: nothing in it may point to another without its name. */
  const pointers: readonly RegExp[] = [
    /\bsuch\b(?! as\b)/i,
    /\b(after|by|for|from|in|of|than|to|with) (that|these|those)\b/i,
    /\b(that|these|those) (answer|limit|number|option|question|rate|time|window)s?\b/i,
    /\b(before|following|last|next|previous|preceding|same|other) (\w+ )?options?\b/i,
    /\boptions? (above|after|before|below)\b/i,
  ];
  const dialect =
    /\b(beats?|claims?|facts?|hears?|heard|holds?|held|notes?|ours|settles?|spreads?|strangers?|tells?|theirs|things?|told|weighs?)\b/i;

  for (const { env, docs, fallbackText = "", parser } of allOptions) {
    it(`${env}: its text stands alone, in the field's words`, () => {
      for (const text of [docs, fallbackText, parser.allowed]) {
        for (const pointer of pointers) assert.doesNotMatch(text, pointer);
        // Names are as they are: of a path, a command, a header.
        assert.doesNotMatch(text.replaceAll(/`[^`]*`/g, ""), dialect);
      }
      // It is shown as code, in which there is no other.
      assert.doesNotMatch(fallbackText, /`/);
    });
  }

  it("has the defaults of the original's directives, but for client events, of which Reverb takes more", () => {
    const expected = {
      max_connections: "10000",
      max_auth_body: "16384",
      max_concurrent_auth: "100",
      handshake_rate: "100",
      handshake_burst: "50",
      ping_period: "54s",
      pong_wait: "60s",
      write_wait: "10s",
      shutdown_timeout: "10s",
      broker_queue_size: "1024",
      redis_db: "0",
      redis_tls: "false",
    };
    for (const [name, text] of Object.entries(expected)) {
      const option = directives.find((row) => row.name === name)?.option;
      assert.equal(option && option.parser.show(option.fallback), text, name);
    }
  });
});
