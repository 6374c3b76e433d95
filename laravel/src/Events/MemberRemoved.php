<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * A user left a presence channel, with the last of their connections. Pusher's webhook `member_removed`.
 */
final readonly class MemberRemoved implements SidecarEvent
{
    public function __construct(
        public string $channel,
        public string $userId,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
