<?php

namespace Pogo\Doctor;

/** What a check found, and what mends it. */
final readonly class Finding
{
    private function __construct(public Status $status, public string $detail, public ?string $advice = null)
    {
    }

    public static function right(string $detail): self
    {
        return new self(Status::Right, $detail);
    }

    public static function doubtful(string $detail, string $advice): self
    {
        return new self(Status::Doubtful, $detail, $advice);
    }

    public static function wrong(string $detail, string $advice): self
    {
        return new self(Status::Wrong, $detail, $advice);
    }

    public static function skipped(string $detail): self
    {
        return new self(Status::Skipped, $detail);
    }
}
