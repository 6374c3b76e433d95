<?php

/** Calls the sidecar's HTTP API with pusher-http-php and prints what it made of the answers, as JSON. */

require __DIR__.'/../laravel/vendor/autoload.php';

[, $port, $id, $key, $secret] = $argv;
$pusher = new Pusher\Pusher($key, $secret, $id, ['host' => '127.0.0.1', 'port' => $port, 'scheme' => 'http']);

echo json_encode([
    'trigger' => $pusher->trigger(['news', 'presence-room.1'], 'greeting', ['text' => 'héllo / "PHP"'], [
        'info' => 'subscription_count,user_count',
    ]),
    'triggerBatch' => $pusher->triggerBatch([
        ['channel' => 'news', 'name' => 'greeting', 'data' => ['text' => 'one']],
        ['channel' => 'news', 'name' => 'greeting', 'data' => ['text' => 'two']],
    ]),
    'getChannels' => $pusher->getChannels(['filter_by_prefix' => 'presence-', 'info' => 'user_count']),
    'getChannelInfo' => $pusher->getChannelInfo('news', ['info' => 'subscription_count']),
    'getPresenceUsers' => $pusher->getPresenceUsers('presence-room.1'),
    'nobody' => $pusher->getChannels(['filter_by_prefix' => 'nobody-']),
    'sendToUser' => $pusher->sendToUser('1', 'greeting', ['text' => 'you']),
    'terminateUserConnections' => $pusher->terminateUserConnections('1'),
]);
