<?php

namespace App\Console\Commands;

use Illuminate\Console\Command;
use Illuminate\Support\Facades\Broadcast;

/** One event on several channels at once, with the names that they have on the wire. */
class BroadcastToMany extends Command
{
    protected $signature = 'broadcast:to-many {text} {channels*}';

    public function handle(): void
    {
        Broadcast::on($this->argument('channels'))
            ->as('App\Events\MessageSent')
            ->with(['text' => $this->argument('text')])
            ->sendNow();
    }
}
