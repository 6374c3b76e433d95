<?php

use App\Events\MessageRescued;
use App\Events\MessageSent;
use App\Models\User;
use App\Notifications\Greeting;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Auth;
use Illuminate\Support\Facades\Broadcast;
use Illuminate\Support\Facades\Route;

Route::view('/', 'chat');

Route::match(['get', 'post'], '/login/{id}', function (Request $request, int $id) {
    abort_if(Auth::loginUsingId($id) === false, 404);
    $request->session()->regenerate();

    return $request->wantsJson() ? Auth::user() : redirect('/');
});

Route::match(['get', 'post'], '/logout', function (Request $request) {
    Auth::logout();
    $request->session()->invalidate();

    return $request->wantsJson() ? response()->noContent() : redirect('/');
});

Route::get('/user', fn () => Auth::user() ?? abort(401));

/**
 * Broadcasts `text` on a channel with the stock driver. To others than the caller's own connection
 * where `others` is given: Echo names that one in X-Socket-ID.
 */
Route::post('/broadcast', function (Request $request) {
    $asked = $request->validate([
        'kind' => 'required|in:public,private,presence,encrypted',
        'channel' => 'required|string',
        'text' => 'required|string',
        'others' => 'boolean',
        'rescued' => 'boolean',
        'queued' => 'boolean',
    ]);
    if ($asked['queued'] ?? false) {
        dispatch(fn () => broadcast(new MessageSent($asked['kind'], $asked['channel'], $asked['text'])));

        return ['broadcast' => false];
    }
    $event = ($asked['rescued'] ?? false) ? MessageRescued::class : MessageSent::class;
    $pending = broadcast(new $event($asked['kind'], $asked['channel'], $asked['text']));
    if ($asked['others'] ?? false) {
        $pending->toOthers();
    }
    unset($pending); // it broadcasts when it is let go, and what goes wrong is to be this answer

    return ['broadcast' => true];
});

/** An event that is no class. */
Route::post('/broadcast/anonymous', function (Request $request) {
    Broadcast::private($request->string('channel'))->as('greeting')->with(['text' => $request->string('text')])->sendNow();

    return ['broadcast' => true];
});

/** A notification for who is logged in. */
Route::post('/notify', function (Request $request) {
    $request->user()->notifyNow(new Greeting($request->string('text')));

    return ['notified' => true];
});

// Echo and pusher-js as npm installed them, so that the page needs no build.
Route::get('/js/{file}', fn (string $file) => response()->file(
    base_path('../../../node_modules/'.match ($file) {
        'echo.js' => 'laravel-echo/dist/echo.iife.js',
        'pusher.js' => 'pusher-js/dist/web/pusher.min.js',
        default => abort(404),
    }),
    ['Content-Type' => 'text/javascript'],
));

Route::withoutMiddleware('web')->group(base_path('routes/proxy.php'));
Route::withoutMiddleware('web')->group(base_path('routes/package.php'));
