<?php

use Illuminate\Http\Request;
use Illuminate\Support\Facades\Route;
use Pogo\Facades\Pogo;

// The package pogo/sidecar, one route for each call; without session and CSRF token.

/** Events that the package dispatched so far, in their order. */
Route::get('/sidecar/events', fn () => array_map(json_decode(...), @file(storage_path('sidecar-events')) ?: []));

Route::get('/sidecar/channels', fn (Request $request) => (object) Pogo::channels((string) $request->query('prefix')));
Route::get('/sidecar/users/{channel}', fn (string $channel) => Pogo::users($channel));
Route::get('/sidecar/connections', fn () => ['connections' => Pogo::connections()]);
Route::post('/sidecar/send/{user}', fn (string $user, Request $request) => Pogo::sendToUser($user, 'greeting', $request->all()));
Route::post('/sidecar/release', fn () => Pogo::release());
Route::post('/sidecar/hold', fn () => Pogo::hold(60));
Route::post('/sidecar/terminate/{user}', fn (string $user) => Pogo::terminate($user));
