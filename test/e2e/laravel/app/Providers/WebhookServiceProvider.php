<?php

namespace App\Providers;

use Illuminate\Support\Facades\Event;
use Illuminate\Support\ServiceProvider;
use Pogo\Events\SidecarEvent;

/** Writes down every event of the package pogo/sidecar, for the route /events/received. */
class WebhookServiceProvider extends ServiceProvider
{
    public function boot(): void
    {
        Event::listen(function (SidecarEvent $event): void {
            $line = json_encode(['class' => class_basename($event), ...get_object_vars($event)]);
            file_put_contents(storage_path('sidecar-events'), "{$line}\n", FILE_APPEND | LOCK_EX);
        });
    }
}
