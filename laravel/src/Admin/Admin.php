<?php

namespace Pogo\Admin;

use Illuminate\Http\Client\ConnectionException;
use Illuminate\Http\Client\Factory;
use Illuminate\Http\Client\RequestException;

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

    /**
     * New requests to the app wait in the sidecar, for so long at most; those under way go on.
     *
     * @throws ConnectionException
     * @throws RequestException
     */
    public function hold(int $seconds): void
    {
        $this->http->timeout($this->timeoutSeconds)->post("{$this->url}/hold?for={$seconds}s")->throw();
    }

    /**
     * They wait no more.
     *
     * @throws ConnectionException
     * @throws RequestException
     */
    public function release(): void
    {
        $this->http->timeout($this->timeoutSeconds)->post("{$this->url}/release")->throw();
    }
}
