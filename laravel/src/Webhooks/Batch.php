<?php

namespace Pogo\Webhooks;

use Carbon\CarbonImmutable;
use Illuminate\Http\Request;
use Pogo\Events\SidecarEvent;

/** One webhook request whose signature holds: when its earliest event happened, and the events in their order. */
final readonly class Batch
{
    /** @param  list<array<string, mixed>>  $events in the wire's spelling */
    private function __construct(
        /** The same for a batch that is sent again: it is repeated byte by byte. */
        public string $id,
        public string $appKey,
        public CarbonImmutable $occurredAt,
        private array $events,
    ) {
    }

    /** Null unless the body was signed with the secret; compared in constant time, over the raw bytes. */
    public static function verified(Request $request, string $secret): ?self
    {
        $body = $request->getContent();
        $signature = hash_hmac('sha256', $body, $secret);
        if (! hash_equals($signature, $request->headers->get('X-Pusher-Signature') ?? '')) {
            return null;
        }
        $json = json_decode($body, true);
        $timeMs = is_array($json) ? ($json['time_ms'] ?? null) : null;
        $events = is_array($json) ? ($json['events'] ?? null) : null;
        if (! is_int($timeMs) || ! is_array($events)) {
            return null;
        }
        /** @var list<array<string, mixed>> $objects */
        $objects = array_values(array_filter($events, is_array(...)));

        return new self(
            $signature,
            $request->headers->get('X-Pusher-Key') ?? '',
            CarbonImmutable::createFromTimestampMs($timeMs),
            $objects,
        );
    }

    /** @return list<SidecarEvent|null> null for a kind that this version does not know */
    public function events(): array
    {
        return array_map(fn (array $event) => EventMap::toEvent($event, $this->appKey, $this->occurredAt), $this->events);
    }
}
