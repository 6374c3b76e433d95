/** A new Laravel app, and what docs/laravel.md has its developer do: `pogo:install`, the sidecar in front, and it works. */

import assert from "node:assert/strict";
import { appendFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { startChild } from "../../sidecar/testing/child.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { openEchoPage, subscribed, type EchoPage } from "./support/echo-page.ts";
import { json } from "./support/http-client.ts";
import { inbox } from "./support/inbox.ts";
import { copyLaravel, laravelReleases } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { broadcast, startStack } from "./support/stack.ts";

interface Received {
  readonly class: string;
  readonly channel?: string;
  readonly userId?: string;
}

for (const release of laravelReleases) {
  const title = `a fresh Laravel ${release.major}: pogo:install, then private messages and a listener that is told who came`;
  test(title, { skip: needsLaravel(release) }, async (t) => {
    const folder = await copyLaravel(t);
    await makeFresh(folder);
    const env = { COMPOSER_VENDOR_DIR: release.vendorFolder };
    const args = ["artisan", "pogo:install", "--no-interaction"];
    const install = startChild(release.php, args, { cwd: folder, env });
    assert.equal((await install.exited).code, 0, install.lines.join("\n"));
    assert.doesNotMatch(install.lines.join("\n"), /by hand/);
    // What the developer writes: who may join a room.
    await appendFile(join(folder, "routes/channels.php"), room);

    const written = parseEnv(await readFile(join(folder, ".env"), "utf8"));
    const {
      REVERB_APP_ID = "",
      REVERB_APP_KEY: key = "",
      REVERB_APP_SECRET = "",
      POGO_WEBHOOK_URL = "",
    } = written;
    const stack = await startStack(
      { REVERB_APP_ID, REVERB_APP_KEY: key, REVERB_APP_SECRET, POGO_WEBHOOK_URL },
      { release, folder },
    );
    const pages: EchoPage[] = [];
    t.after(async () => {
      for (const page of pages) page.leave();
      await stack.stop();
    });
    const open = async (userId: number): Promise<EchoPage> => {
      const visitor = await stack.visitor(userId);
      const page = openEchoPage({ url: stack.sidecar.url, key, visitor });
      pages.push(page);
      return page;
    };

    const [ada, grace] = [await open(1), await open(2)];
    const texts = inbox<{ text: string }>("MessageSent to Ada");
    await subscribed(ada.echo.private("App.Models.User.1").listen("MessageSent", texts.take));
    const message = { kind: "private", channel: "App.Models.User.1", text: "for Ada" } as const;
    await broadcast(await stack.visitor(2), message);
    assert.deepEqual(await texts.next(), { text: "for Ada" });

    await subscribed(ada.echo.join("room.1"));
    await subscribed(grace.echo.join("room.1"));
    const guest = await stack.visitor();
    const came = async (): Promise<readonly (string | undefined)[]> =>
      (await json<Received[]>(await guest.get("/sidecar/events")))
        .filter((event) => event.class === "MemberAdded" && event.channel === "presence-room.1")
        .map(({ userId }) => userId);
    await until("the listener to be told of both", async () => (await came()).length === 2);
    assert.deepEqual(await came(), ["1", "2"]);
  });
}

const room = `
Broadcast::channel('room.{id}', fn ($user, $id) => ['id' => $user->id, 'name' => $user->name]);
`;

/** The files that the installer changes, as `laravel new` writes them. */
async function makeFresh(folder: string): Promise<void> {
  const write = (path: string, text: string) => writeFile(join(folder, path), text);
  const env = await readFile(join(folder, ".env"), "utf8");
  const kept = env.split("\n").filter((line) => !/^(BROADCAST_|REVERB_)/.test(line));
  await write(".env", `${kept.join("\n")}\nBROADCAST_CONNECTION=log\n`);
  await write("bootstrap/app.php", bootstrap);
  await write("routes/console.php", "<?php\n");
  await rm(join(folder, "routes/channels.php"));
  for (const part of ["cache/data", "sessions", "views"]) {
    await mkdir(join(folder, "storage/framework", part), { recursive: true });
  }
  // A package that it needs is not to be had here (composer.json, "replace"); elsewhere this changes nothing.
  await appendFile(join(folder, "routes/web.php"), withoutCors);
}

const withoutCors = `
app()->bind(Illuminate\\Http\\Middleware\\HandleCors::class, fn () => new class
{
    public function handle(mixed $request, Closure $next): mixed
    {
        return $next($request);
    }
});
`;

const bootstrap = `<?php

use Illuminate\\Foundation\\Application;
use Illuminate\\Foundation\\Configuration\\Exceptions;
use Illuminate\\Foundation\\Configuration\\Middleware;

return Application::configure(basePath: dirname(__DIR__))
    ->withRouting(
        web: __DIR__.'/../routes/web.php',
        commands: __DIR__.'/../routes/console.php',
        health: '/up',
    )
    ->withMiddleware(function (Middleware $middleware): void {
        //
    })
    ->withExceptions(function (Exceptions $exceptions): void {
        //
    })->create();
`;
