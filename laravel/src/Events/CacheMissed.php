<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * Somebody subscribed to a cache channel that holds no event. Pusher's webhook `cache_miss`.
 */
final readonly class CacheMissed implements SidecarEvent
{
    public function __construct(
        public string $channel,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
