<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * A user came to a presence channel, with the first of their connections. Pusher's webhook `member_added`.
 */
final readonly class MemberAdded implements SidecarEvent
{
    public function __construct(
        public string $channel,
        public string $userId,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
