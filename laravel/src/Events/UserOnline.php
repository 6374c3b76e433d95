<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * A user signed in, with the first of their connections. Pusher's webhook `user_connected`.
 */
final readonly class UserOnline implements SidecarEvent
{
    public function __construct(
        public string $userId,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
