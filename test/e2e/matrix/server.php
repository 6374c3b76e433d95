<?php

/** Calls one method of pusher-http-php, the arguments given as JSON, and prints what it returns as JSON. */

[, $vendor, $port, $id, $key, $secret, $encryptionKey, $method, $arguments] = $argv;

require $vendor.'/autoload.php';

$pusher = new Pusher\Pusher($key, $secret, $id, [
    'host' => '127.0.0.1',
    'port' => $port,
    'scheme' => 'http',
    'encryption_master_key_base64' => $encryptionKey,
]);

$result = $pusher->{$method}(...json_decode($arguments, true, flags: JSON_THROW_ON_ERROR));

echo json_encode($result instanceof Pusher\Webhook ? $result->get_events() : $result);
