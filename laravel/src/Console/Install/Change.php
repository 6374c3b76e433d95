<?php

namespace Pogo\Console\Install;

/** What one step of the installation found: nothing to do, a file to write, or a line that the person has to write. */
final readonly class Change
{
    private function __construct(
        public string $what,
        public ?string $path = null,
        public ?string $contents = null,
        public ?string $advice = null,
    ) {
    }

    public static function none(string $what): self
    {
        return new self($what);
    }

    public static function write(string $what, string $path, string $contents): self
    {
        return new self($what, path: $path, contents: $contents);
    }

    /** Somebody has written something of their own there, which is not touched. */
    public static function advise(string $what, string $advice): self
    {
        return new self($what, advice: $advice);
    }
}
