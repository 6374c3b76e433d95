<?php

namespace Symfony\Component\Clock;

/**
 * The one interface of symfony/clock that Carbon implements, for a machine whose package registry
 * does not have that package (see "replace" in composer.json).
 */
if (! interface_exists(ClockInterface::class)) {
    interface ClockInterface extends \Psr\Clock\ClockInterface
    {
        public function sleep(float|int $seconds): void;

        public function withTimeZone(\DateTimeZone|string $timezone): static;
    }
}
