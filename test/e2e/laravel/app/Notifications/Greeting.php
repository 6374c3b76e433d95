<?php

namespace App\Notifications;

use Illuminate\Notifications\Messages\BroadcastMessage;
use Illuminate\Notifications\Notification;

/** A text for one user, broadcast on the user's own channel. */
class Greeting extends Notification
{
    public function __construct(private readonly string $text) {}

    /** @return list<string> */
    public function via(): array
    {
        return ['broadcast'];
    }

    public function toBroadcast(): BroadcastMessage
    {
        return new BroadcastMessage(['text' => $this->text]);
    }
}
