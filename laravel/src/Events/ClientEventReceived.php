<?php

namespace Pogo\Events;

use Carbon\CarbonImmutable;

/**
 * A client sent a client event (Echo: a whisper). Pusher's webhook `client_event`.
 *
 * `data` is what the client sent: decoded where it was JSON, else the text. `userId` is the sender's on presence
 * channels, null elsewhere. Whoever is in the channel can have sent it: validate it as any input.
 */
final readonly class ClientEventReceived implements SidecarEvent
{
    public function __construct(
        public string $channel,
        public string $event,
        public mixed $data,
        public string $socketId,
        public ?string $userId,
        public string $appKey,
        public CarbonImmutable $occurredAt,
    ) {
    }
}
