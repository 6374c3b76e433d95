<?php

use App\Models\User;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Broadcast;

// POST /broadcasting/user-auth, for pusher.signin(); POST /broadcasting/auth is there already.
Broadcast::userRoutes();

Broadcast::resolveAuthenticatedUserUsing(fn (Request $request) => $request->user() === null ? null : [
    'id' => (string) $request->user()->id,
    'user_info' => ['name' => $request->user()->name],
]);

/** Everybody who is logged in; the id must be a number, else PHP raises a TypeError. */
Broadcast::channel('orders.{id}', fn (User $user, int $id) => true);

/** The same, of a cache channel: private-cache-orders.{id}. */
Broadcast::channel('cache-orders.{id}', fn (User $user, int $id) => true);

/** One's own only. */
Broadcast::channel('user.{id}', fn (User $user, string $id) => (string) $user->id === $id);

/** Where Laravel broadcasts the notifications of a user. */
Broadcast::channel('App.Models.User.{id}', fn (User $user, string $id) => (string) $user->id === $id);

/** Nobody. */
Broadcast::channel('denied', fn (User $user) => false);

/** A presence channel: who is in the room. */
Broadcast::channel('room.{id}', fn (User $user, string $id) => ['id' => $user->id, 'name' => $user->name]);
