<?php

/** Calls one method of pusher-http-php, the arguments given as JSON, and prints what it returns as JSON. */

require __DIR__.'/../laravel/vendor/autoload.php';

[, $port, $id, $key, $secret, $encryptionKey, $method, $arguments] = $argv;

$pusher = new Pusher\Pusher($key, $secret, $id, [
    'host' => '127.0.0.1',
    'port' => $port,
    'scheme' => 'http',
    'encryption_master_key_base64' => $encryptionKey,
]);

echo json_encode($pusher->{$method}(...json_decode($arguments, true, flags: JSON_THROW_ON_ERROR)));
