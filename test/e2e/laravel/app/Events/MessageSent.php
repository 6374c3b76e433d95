<?php

namespace App\Events;

use Illuminate\Broadcasting\Channel;
use Illuminate\Broadcasting\EncryptedPrivateChannel;
use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PresenceChannel;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcastNow;

/** A text on one channel: public, private, presence or encrypted, as the route was asked. */
class MessageSent implements ShouldBroadcastNow
{
    use InteractsWithSockets;

    public function __construct(
        private readonly string $kind,
        private readonly string $channel,
        public readonly string $text,
    ) {}

    public function broadcastOn(): Channel
    {
        return match ($this->kind) {
            'public' => new Channel($this->channel),
            'private' => new PrivateChannel($this->channel),
            'presence' => new PresenceChannel($this->channel),
            'encrypted' => new EncryptedPrivateChannel($this->channel),
        };
    }
}
