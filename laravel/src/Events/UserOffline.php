<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * The last signed-in connection of a user has closed. Pusher's webhook `user_disconnected`.
 */
final readonly class UserOffline implements SidecarEvent
{
    public function __construct(
        public string $userId,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
