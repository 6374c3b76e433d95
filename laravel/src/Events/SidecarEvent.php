<?php

namespace Pogo\Events;

/**
 * What the sidecar reports by webhook, one class each. Listen to this interface to hear all of them.
 *
 * @property-read string $appKey which of the sidecar's apps it happened in
 * @property-read \Carbon\CarbonImmutable $occurredAt not later than the event; those of one batch share the time of the first
 */
interface SidecarEvent
{
}
