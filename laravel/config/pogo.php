<?php

return [

    /*
    |--------------------------------------------------------------------------
    | Broadcast Connection
    |--------------------------------------------------------------------------
    |
    | The connection of config/broadcasting.php whose credentials and address
    | are the sidecar's. Leave it to use the app's default connection.
    |
    */

    'connection' => env('POGO_BROADCAST_CONNECTION'),

    /*
    |--------------------------------------------------------------------------
    | Webhooks
    |--------------------------------------------------------------------------
    |
    | Where the sidecar posts what happens on its side: POGO_WEBHOOK_URL of the
    | sidecar is this path. Null registers no route. A batch that is older than
    | max_age seconds is refused; it bounds how long a copied request could be
    | sent again, and has to exceed the sidecar's POGO_WEBHOOK_RETRY_FOR.
    |
    */

    'webhooks' => [
        'path' => env('POGO_WEBHOOK_PATH', '/pogo/webhooks'),
        'secret' => env('POGO_WEBHOOK_SECRET'),
        'max_age' => 900,
        'store' => env('POGO_WEBHOOK_CACHE_STORE'),
        'middleware' => [],
    ],

    /*
    |--------------------------------------------------------------------------
    | Admin Port
    |--------------------------------------------------------------------------
    |
    | Of the sidecar, for its health and for hold and release.
    |
    */

    'admin_url' => env('POGO_ADMIN_URL', 'http://127.0.0.1:2019'),

    'timeout' => 5,

];
