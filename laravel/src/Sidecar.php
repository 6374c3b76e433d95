<?php

namespace Pogo;

use Illuminate\Http\Client\ConnectionException;
use Illuminate\Http\Client\RequestException;
use Pogo\Admin\Admin;
use Pogo\Api\Client;

/** What the app can ask of the sidecar, and have it do. Each call is one request, to its HTTP API or its admin port. */
class Sidecar
{
    public function __construct(private readonly Client $api, private readonly Admin $admin)
    {
    }

    /**
     * The occupied channels, with the number of users on presence channels.
     *
     * @return array<string, array{user_count?: int}> by name
     *
     * @throws RequestException
     */
    public function channels(string $prefix = ''): array
    {
        $query = $prefix === '' ? [] : ['filter_by_prefix' => $prefix];
        // Pusher counts users of presence channels only.
        if (str_starts_with($prefix, 'presence-')) {
            $query['info'] = 'user_count';
        }
        /** @var array<string, array{user_count?: int}> $channels */
        $channels = $this->api->get('channels', $query)['channels'] ?? [];

        return $channels;
    }

    /**
     * Ids of the users who are on a presence channel.
     *
     * @return list<string>
     *
     * @throws RequestException
     */
    public function users(string $channel): array
    {
        /** @var list<array{id: string|int}> $users */
        $users = $this->api->get('channels/'.rawurlencode($channel).'/users')['users'] ?? [];

        return array_map(fn (array $user) => (string) $user['id'], $users);
    }

    /**
     * Open connections of the app, over all nodes.
     *
     * @throws ConnectionException
     * @throws RequestException
     */
    public function connections(): int
    {
        $connections = $this->api->get('connections')['connections'] ?? 0;

        return is_numeric($connections) ? (int) $connections : 0;
    }

    /**
     * An event for every connection over which the user has signed in.
     *
     * @param  array<string, mixed>  $data
     *
     * @throws RequestException
     */
    public function sendToUser(string|int $userId, string $event, array $data = []): void
    {
        $this->api->post('events', [
            'name' => $event,
            'channels' => ["#server-to-user-{$userId}"],
            'data' => json_encode((object) $data, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE),
        ]);
    }

    /**
     * Closes every connection over which the user has signed in, for good.
     *
     * @throws RequestException
     */
    public function terminate(string|int $userId): void
    {
        $this->api->post('users/'.rawurlencode((string) $userId).'/terminate_connections');
    }

    /**
     * For a deployment: new requests to the app wait in the sidecar, for so long at most, and those under way go on. By
     * the admin port (`POGO_ADMIN_URL`); with several sidecars each has its own.
     *
     * @throws ConnectionException
     * @throws RequestException
     */
    public function hold(int $seconds = 30): void
    {
        $this->admin->hold($seconds);
    }

    /**
     * The requests that `hold` has kept waiting go to the app.
     *
     * @throws ConnectionException
     * @throws RequestException
     */
    public function release(): void
    {
        $this->admin->release();
    }
}
