<?php

use Illuminate\Http\Request;
use Illuminate\Support\Facades\Route;

// What a proxy can get wrong, one route each; without session and CSRF token unless it says so.

/** What PHP saw of the request. */
Route::any('/headers', fn (Request $request) => [
    'method' => $request->method(),
    'url' => $request->fullUrl(),
    'target' => $request->server('REQUEST_URI'),
    'secure' => $request->secure(),
    'ip' => $request->ip(),
    'host' => $request->host(),
    'port' => $request->getPort(),
    'headers' => $request->headers->all(),
    'body' => ['bytes' => strlen($request->getContent()), 'sha256' => hash('sha256', $request->getContent())],
]);

/** Answers after `ms` milliseconds. */
Route::get('/slow', function (Request $request) {
    usleep($request->integer('ms', 500) * 1000);

    return ['slept' => $request->integer('ms', 500)];
});

/** A form upload: the field `file`. */
Route::post('/upload', function (Request $request) {
    $file = $request->file('file') ?? abort(422);

    return [
        'name' => $file->getClientOriginalName(),
        'type' => $file->getClientMimeType(),
        'bytes' => $file->getSize(),
        'sha256' => hash_file('sha256', $file->path()),
    ];
});

/** `bytes` bytes of "0123456789" over and over, as a download of unknown length. */
Route::get('/download', fn (Request $request) => response()->streamDownload(function () use ($request) {
    $block = str_repeat('0123456789', 1000);
    for ($left = $request->integer('bytes', 100_000); $left > 0; $left -= strlen($block)) {
        echo substr($block, 0, $left);
    }
}, 'digits.txt', ['Content-Type' => 'text/plain']));

/** `count` server-sent events, `ms` milliseconds apart; the headers go out at once, the first event after `delay`. */
Route::get('/events', fn (Request $request) => response()->stream(function () use ($request) {
    flush();
    usleep($request->integer('delay') * 1000);
    for ($number = 1; $number <= $request->integer('count', 3); $number++) {
        echo "data: {$number}\n\n";
        ob_get_level() > 0 && ob_flush();
        flush();
        usleep($request->integer('ms', 100) * 1000);
    }
}, 200, ['Content-Type' => 'text/event-stream', 'Cache-Control' => 'no-cache', 'X-Accel-Buffering' => 'no']));

/** Two cookies at once, as they are. */
Route::get('/cookies', fn () => response()->json(['set' => ['first', 'second']])
    ->withCookie(cookie('first', 'one', httpOnly: false))
    ->withCookie(cookie('second', 'two; three=3', httpOnly: true)));

Route::get('/redirect', fn () => redirect('/headers?redirected=1'));

Route::get('/status/{code}', fn (int $code) => response("status {$code}", $code));

/** Webhooks, received as docs/webhooks.md has it; GET tells the events so far. */
Route::post('/webhooks/pusher', function (Request $request) {
    $body = $request->getContent();
    $signature = hash_hmac('sha256', $body, config('broadcasting.connections.'.config('broadcasting.default').'.secret'));
    abort_unless(hash_equals($signature, $request->header('X-Pusher-Signature', '')), 401);

    foreach (json_decode($body, true)['events'] as $event) {
        file_put_contents(storage_path('webhooks'), json_encode($event)."\n", FILE_APPEND | LOCK_EX);
    }

    return response()->noContent();
});

Route::get('/webhooks/pusher', fn () => array_map(json_decode(...), @file(storage_path('webhooks')) ?: []));
