<?php

namespace Pogo\Webhooks;

use Carbon\CarbonImmutable;
use Pogo\Events\CacheMissed;
use Pogo\Events\ChannelOccupied;
use Pogo\Events\ChannelVacated;
use Pogo\Events\ClientEventReceived;
use Pogo\Events\MemberAdded;
use Pogo\Events\MemberRemoved;
use Pogo\Events\SidecarEvent;
use Pogo\Events\SubscriptionCountChanged;
use Pogo\Events\UserOffline;
use Pogo\Events\UserOnline;

/** From Pusher's webhook events to this package's classes. */
final class EventMap
{
    /** @param  array<string, mixed>  $wire */
    public static function toEvent(array $wire, string $appKey, CarbonImmutable $at): ?SidecarEvent
    {
        $text = fn (string $field): string => is_scalar($wire[$field] ?? null) ? (string) $wire[$field] : '';

        return match ($wire['name'] ?? null) {
            'channel_occupied' => new ChannelOccupied($text('channel'), $appKey, $at),
            'channel_vacated' => new ChannelVacated($text('channel'), $appKey, $at),
            'member_added' => new MemberAdded($text('channel'), $text('user_id'), $appKey, $at),
            'member_removed' => new MemberRemoved($text('channel'), $text('user_id'), $appKey, $at),
            'cache_miss' => new CacheMissed($text('channel'), $appKey, $at),
            'subscription_count' => new SubscriptionCountChanged(
                $text('channel'),
                (int) $text('subscription_count'),
                $appKey,
                $at,
            ),
            'user_connected' => new UserOnline($text('user_id'), $appKey, $at),
            'user_disconnected' => new UserOffline($text('user_id'), $appKey, $at),
            'client_event' => new ClientEventReceived(
                $text('channel'),
                $text('event'),
                self::decode($text('data')),
                $text('socket_id'),
                isset($wire['user_id']) ? $text('user_id') : null,
                $appKey,
                $at,
            ),
            default => null,
        };
    }

    private static function decode(string $data): mixed
    {
        $json = json_decode($data, true);

        return json_last_error() === JSON_ERROR_NONE ? $json : $data;
    }
}
