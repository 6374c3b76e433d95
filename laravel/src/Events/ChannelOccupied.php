<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * The first subscriber came to a channel. Pusher's webhook `channel_occupied`.
 */
final readonly class ChannelOccupied implements SidecarEvent
{
    public function __construct(
        public string $channel,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
