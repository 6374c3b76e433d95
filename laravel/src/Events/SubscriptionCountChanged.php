<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * The subscribers of a channel were sent how many they are. Pusher's webhook `subscription_count`.
 */
final readonly class SubscriptionCountChanged implements SidecarEvent
{
    public function __construct(
        public string $channel,
        public int $subscriptionCount,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
