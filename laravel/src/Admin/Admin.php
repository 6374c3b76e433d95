<?php

namespace Pogo\Admin;

use Illuminate\Http\Client\ConnectionException;
use Illuminate\Http\Client\Factory;

/** The sidecar's admin port, which is bound to loopback unless somebody has opened it. */
final readonly class Admin
{
    public function __construct(private Factory $http, public string $url, private int $timeoutSeconds)
    {
    }

    /** @return array<array-key, mixed>|null null where it can't be reached, as from another machine */
    public function health(): ?array
    {
        try {
            $json = $this->http->timeout($this->timeoutSeconds)->get("{$this->url}/pogo/health")->json();
        } catch (ConnectionException) {
            return null;
        }

        return is_array($json) ? $json : null;
    }
}
