import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allOptions } from "../config/table/table.ts";
import { commands } from "./commands.ts";
import { explainUnknownCommand, help } from "./help.ts";

/** As in a terminal of so many columns; without: in a pipe. */
function ask(topics: readonly string[], columns?: number) {
  let [out, err] = ["", ""];
  const code = help(
    {
      argv: topics,
      env: {},
      readFile: () => "",
      isTerminal: columns !== undefined,
      print: (text) => (out += text),
      complain: (text) => (err += text),
    },
    columns,
  );
  return { code, out, err };
}

function longestLine(text: string): number {
  return Math.max(...text.split("\n").map((line) => line.length));
}

describe("help", () => {
  it("is short: every command, the most used options, and where the rest is", () => {
    const { code, out } = ask([]);
    assert.equal(code, 0);
    assert.ok(out.split("\n").length <= 45, out);
    for (const name of Object.keys(commands)) assert.match(out, new RegExp(`^  ${name} `, "m"));
    assert.match(out, /^ {2}--upstream +.* \(http:\/\/127\.0\.0\.1:8000\)$/m);
    assert.match(out, /help --all +every option/);
  });

  it("--all has every flag, each with its name in the environment", () => {
    const { code, out } = ask(["--all"]);
    assert.equal(code, 0);
    for (const { flag, env } of allOptions) {
      assert.match(out, new RegExp(`^  ${flag} <`, "m"));
      assert.match(out, new RegExp(`^      ${env}[,;]`, "m"));
    }
  });

  it("keeps to the terminal's width, and to 100 characters in a wide one", () => {
    for (const topics of [[], ["hold"], ["redis"], ["port"], ["recovery-auth"]]) {
      for (const columns of [60, 80, undefined, 0, 200]) {
        // An address of the docs and a usage are not broken.
        const out = ask(topics, columns).out.replaceAll(/^(\s*--|.*https?:).*$/gm, "");
        assert.ok(longestLine(out) <= Math.min(columns || 80, 100), `${topics} at ${columns}`);
      }
    }
    assert.ok(longestLine(ask(["recovery-auth"], 200).out) > 80);
    assert.equal(ask([], 0).out, ask([]).out);
  });

  for (const topic of [
    "app-secret",
    "--app-secret",
    "app_secret",
    "POGO_APP_SECRET_FILE",
    "REVERB_APP_SECRET",
  ]) {
    it(`${topic} explains the option in full`, () => {
      const { code, out } = ask([topic]);
      assert.equal(code, 0);
      assert.match(out, /^--app-secret <secret>, --app-secret-file <path>\n/);
      assert.match(out, /POGO_APP_SECRET, POGO_APP_SECRET_FILE, REVERB_APP_SECRET; required\n/);
      assert.match(out, /prefer the environment or a file\.\n$/);
    });
  }

  it("a command says its flags and exit codes", () => {
    const { out } = ask(["hold"]);
    assert.match(out, /^pogo-sidecar hold: /);
    assert.match(out, /^ {2}--for <duration> +.*2m at most/m);
    assert.match(out, /^Exit codes: 0; 1 /m);
    assert.match(out, /docs\/deploys\.md#/);
  });

  it("a word lists the options that have it in a name", () => {
    const { out } = ask(["sentinel"]);
    const flags = [...out.matchAll(/^ {2}(--\S+)/gm)].map(([, flag]) => flag);
    assert.deepEqual(
      flags,
      allOptions.map(({ flag }) => flag).filter((flag) => flag.includes("sentinel")),
    );
  });

  it("anything else ends with 64 and what was probably meant", () => {
    for (const [topic, meant] of [
      ["chekc", "check"],
      ["--prot", "port"],
      ["POGO_UPSTREM", "upstream"],
      ["env-fiel", "env-file"],
    ] as const) {
      const { code, out, err } = ask([topic]);
      assert.deepEqual([code, out], [64, ""], topic);
      assert.match(err, new RegExp(`did you mean pogo-sidecar help ${meant}\\?\n$`));
    }
    assert.match(ask(["xyzzy"]).err, /help --all lists all options\.\n$/);
  });
});

describe("a command that is none", () => {
  it("is answered with the one that was probably meant, else with all", () => {
    assert.match(
      explainUnknownCommand("chekc"),
      /^There is no command "chekc"; did you mean pogo-sidecar check\?\n$/,
    );
    assert.match(
      explainUnknownCommand("serve"),
      /^There is no command "serve"\. The commands are start, check, .*help\.\n$/,
    );
  });

  it("is not repeated where it may be a secret that was pasted", () => {
    for (const typed of ["4zymlxy1467wfw86pjdq", "redis://:hunter2@db", "hunter2"]) {
      assert.match(explainUnknownCommand(typed), /^There is no such command\. The commands/);
    }
  });
});
