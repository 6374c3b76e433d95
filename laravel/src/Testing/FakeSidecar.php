<?php

namespace Pogo\Testing;

use Closure;
use PHPUnit\Framework\Assert;
use Pogo\Sidecar;

/** A sidecar for people's own tests: answers what it was given, and remembers what it was asked to do. */
class FakeSidecar extends Sidecar
{
    /** @var array<string, list<string>> user ids by presence channel */
    private array $members = [];

    /** @var list<array{userId: string, event: string, data: array<string, mixed>}> */
    private array $sent = [];

    /** @var list<string> */
    private array $terminated = [];

    private int $connectionCount = 0;

    private bool $isHeld = false;

    public function __construct()
    {
    }

    /** Who is on a presence channel from now on. */
    public function withUsers(string $channel, string|int ...$userIds): static
    {
        $this->members[$channel] = array_map(strval(...), array_values($userIds));

        return $this;
    }

    public function withConnections(int $connections): static
    {
        $this->connectionCount = $connections;

        return $this;
    }

    public function channels(string $prefix = ''): array
    {
        $found = array_filter($this->members, fn (string $name) => str_starts_with($name, $prefix), ARRAY_FILTER_USE_KEY);

        return array_map(fn (array $users) => ['user_count' => count($users)], $found);
    }

    public function users(string $channel): array
    {
        return $this->members[$channel] ?? [];
    }

    public function connections(): int
    {
        return $this->connectionCount;
    }

    public function sendToUser(string|int $userId, string $event, array $data = []): void
    {
        $this->sent[] = ['userId' => (string) $userId, 'event' => $event, 'data' => $data];
    }

    public function terminate(string|int $userId): void
    {
        $this->terminated[] = (string) $userId;
    }

    public function hold(int $seconds = 30): void
    {
        $this->isHeld = true;
    }

    public function release(): void
    {
        $this->isHeld = false;
    }

    public function assertHeld(): void
    {
        Assert::assertTrue($this->isHeld, 'Requests to the app do not wait: hold() was not called, or release() was.');
    }

    public function assertReleased(): void
    {
        Assert::assertFalse($this->isHeld, 'Requests to the app still wait: release() was not called.');
    }

    /** @param  (Closure(array<string, mixed>): bool)|null  $matches given the event's data */
    public function assertSentToUser(string|int $userId, string $event, ?Closure $matches = null): void
    {
        $found = array_filter($this->sent, fn (array $sent) => $sent['userId'] === (string) $userId
            && $sent['event'] === $event
            && ($matches === null || $matches($sent['data'])));
        Assert::assertNotEmpty($found, "The event [{$event}] was not sent to user [{$userId}].");
    }

    public function assertNothingSent(): void
    {
        Assert::assertSame([], $this->sent, 'Events were sent to users.');
    }

    public function assertTerminated(string|int $userId): void
    {
        Assert::assertContains((string) $userId, $this->terminated, "User [{$userId}] was not terminated.");
    }

    public function assertNobodyTerminated(): void
    {
        Assert::assertSame([], $this->terminated, 'Users were terminated.');
    }
}
