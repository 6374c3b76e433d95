<?php

use Illuminate\Foundation\Application;
use Illuminate\Foundation\Configuration\Exceptions;
use Illuminate\Foundation\Configuration\Middleware;
use Illuminate\Http\Middleware\HandleCors;
use Pogo\Tracing\CarryTrace;

$app = Application::configure(basePath: dirname(__DIR__))
    ->withRouting(
        web: __DIR__.'/../routes/web.php',
        channels: __DIR__.'/../routes/channels.php',
        health: '/up',
    )
    ->withMiddleware(function (Middleware $middleware): void {
        // The app is reached through the sidecar only: its X-Forwarded-* are believed, unless a test is to see what follows
        // where the line is missing.
        if (getenv('WITHOUT_TRUSTED_PROXIES') === false) {
            $middleware->trustProxies(at: '127.0.0.1');
        }
        $middleware->append(CarryTrace::class);
        // The package it needs is not installed (see "replace" in composer.json).
        $middleware->remove(HandleCors::class);
    })
    ->withExceptions(function (Exceptions $exceptions): void {
        //
    })
    ->registered(fn () => config([
        'broadcasting.connections.reverb.options.encryption_master_key_base64' => env('REVERB_ENCRYPTION_KEY'),
        'broadcasting.connections.pusher.options.encryption_master_key_base64' => env('REVERB_ENCRYPTION_KEY'),
        // Laravel's own file has none since 11; apps that are older have it.
        'broadcasting.connections.redis' => ['driver' => 'redis', 'connection' => 'default'],
        ...env('PUBLISH_SOCKET') ? [
            'broadcasting.connections.reverb.client_options' => ['curl' => [CURLOPT_UNIX_SOCKET_PATH => env('PUBLISH_SOCKET')]],
        ] : [],
    ]))
    ->create();

// The tests run several at a time, each with sessions and a maintenance mode of its own.
if ($storage = getenv('LARAVEL_STORAGE_PATH')) {
    $app->useStoragePath($storage);
}

return $app;
