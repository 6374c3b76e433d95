<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * The last subscriber has left a channel. Pusher's webhook `channel_vacated`.
 */
final readonly class ChannelVacated implements SidecarEvent
{
    public function __construct(
        public string $channel,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
