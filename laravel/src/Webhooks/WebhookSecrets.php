<?php

namespace Pogo\Webhooks;

use Illuminate\Contracts\Config\Repository;

/** By which secret the webhooks of an app are signed: every connection of Pusher's protocol is an app. */
final readonly class WebhookSecrets
{
    public function __construct(private Repository $config)
    {
    }

    /** Null for a key that no connection of config/broadcasting.php has. */
    public function of(string $appKey): ?string
    {
        $own = $this->config->get('pogo.webhooks.secret');
        foreach ((array) $this->config->get('broadcasting.connections') as $connection) {
            if (! is_array($connection) || ! in_array($connection['driver'] ?? null, ['reverb', 'pusher'], true)) {
                continue;
            }
            $key = $connection['key'] ?? null;
            $secret = is_string($own) && $own !== '' ? $own : ($connection['secret'] ?? null);
            if (is_string($key) && $key !== '' && $key === $appKey && is_string($secret) && $secret !== '') {
                return $secret;
            }
        }

        return null;
    }
}
