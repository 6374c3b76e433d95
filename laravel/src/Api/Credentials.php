<?php

namespace Pogo\Api;

use Illuminate\Contracts\Config\Repository;
use RuntimeException;

/** An app of the sidecar's and where its HTTP API is, as the broadcast connection has it. */
final readonly class Credentials
{
    /** @param  array<string, mixed>  $clientOptions of Guzzle */
    public function __construct(
        public string $id,
        public string $key,
        public string $secret,
        public string $baseUrl,
        public array $clientOptions = [],
    ) {
    }

    /** @throws RuntimeException when the connection is none of Pusher's protocol, or lacks something */
    public static function fromConfig(Repository $config): self
    {
        $name = $config->get('pogo.connection') ?? $config->get('broadcasting.default');
        if (! is_string($name)) {
            throw new RuntimeException('No broadcast connection: set BROADCAST_CONNECTION=reverb.');
        }
        $connection = $config->get("broadcasting.connections.{$name}");
        $driver = is_array($connection) ? ($connection['driver'] ?? null) : null;
        if (! is_array($connection) || ! in_array($driver, ['reverb', 'pusher'], true)) {
            throw new RuntimeException(
                "The broadcast connection [{$name}] does not speak Pusher's protocol: set BROADCAST_CONNECTION=reverb, or POGO_BROADCAST_CONNECTION to one with the driver reverb or pusher."
            );
        }
        $options = is_array($connection['options'] ?? null) ? $connection['options'] : [];
        $required = [
            'app_id' => $connection['app_id'] ?? null,
            'key' => $connection['key'] ?? null,
            'secret' => $connection['secret'] ?? null,
            'options.host' => $options['host'] ?? null,
        ];
        $missing = array_keys(array_filter($required, fn (mixed $value) => ! is_scalar($value) || $value === ''));
        if ($missing !== []) {
            throw new RuntimeException("The broadcast connection [{$name}] lacks ".implode(', ', $missing).'.');
        }
        $scheme = self::text($options['scheme'] ?? 'http');
        $port = self::text($options['port'] ?? ($scheme === 'https' ? 443 : 80));
        $path = rtrim(self::text($options['path'] ?? ''), '/');
        $clientOptions = is_array($connection['client_options'] ?? null) ? $connection['client_options'] : [];

        return new self(
            self::text($required['app_id']),
            self::text($required['key']),
            self::text($required['secret']),
            "{$scheme}://".self::text($required['options.host']).":{$port}{$path}",
            array_filter($clientOptions, is_string(...), ARRAY_FILTER_USE_KEY),
        );
    }

    /** For people: where requests go. */
    public function address(): string
    {
        $curl = $this->clientOptions['curl'] ?? null;
        $socket = is_array($curl) ? ($curl[CURLOPT_UNIX_SOCKET_PATH] ?? null) : null;

        return is_string($socket) ? "unix:{$socket}" : $this->baseUrl;
    }

    private static function text(mixed $value): string
    {
        return is_scalar($value) ? (string) $value : '';
    }
}
