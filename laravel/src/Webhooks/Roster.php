<?php

namespace Pogo\Webhooks;

use Closure;
use Illuminate\Contracts\Cache\LockProvider;
use Illuminate\Contracts\Cache\LockTimeoutException;
use Illuminate\Contracts\Cache\Repository;
use Pogo\Events\MemberAdded;
use Pogo\Events\MemberRemoved;
use Pogo\Events\SidecarEvent;

/** Who is in which presence channel as far as events have said: what `pogo:reconcile` holds against the sidecar. */
final readonly class Roster
{
    private const lockSeconds = 10;

    public function __construct(private Repository $cache)
    {
    }

    /**
     * Takes note of who came and who left; other events say nothing of that.
     *
     * @throws LockTimeoutException
     */
    public function apply(SidecarEvent $event): void
    {
        if (! $event instanceof MemberAdded && ! $event instanceof MemberRemoved) {
            return;
        }
        $this->exclusively($event->appKey, function () use ($event): void {
            $before = $this->members($event->appKey, $event->channel);
            $others = array_values(array_diff($before, [$event->userId]));
            $after = $event instanceof MemberAdded ? [...$others, $event->userId] : $others;
            $this->write($event->appKey, $event->channel, $after);
        });
    }

    /** @return array<string, list<string>> user ids by channel; channels without members are left out */
    public function all(string $appKey): array
    {
        $channels = $this->channels($appKey);

        return array_combine($channels, array_map(fn (string $channel) => $this->members($appKey, $channel), $channels));
    }

    /** @param  list<string>  $members */
    private function write(string $appKey, string $channel, array $members): void
    {
        $channels = $this->channels($appKey);
        $others = array_values(array_diff($channels, [$channel]));
        if ($members === []) {
            $this->cache->forget(self::key($appKey, $channel));
            $this->cache->forever(self::key($appKey), $others);

            return;
        }
        $this->cache->forever(self::key($appKey, $channel), $members);
        if (count($others) === count($channels)) {
            $this->cache->forever(self::key($appKey), [...$others, $channel]);
        }
    }

    /** @return list<string> */
    private function channels(string $appKey): array
    {
        return $this->list(self::key($appKey));
    }

    /** @return list<string> */
    private function members(string $appKey, string $channel): array
    {
        return $this->list(self::key($appKey, $channel));
    }

    /** @return list<string> */
    private function list(string $key): array
    {
        $value = $this->cache->get($key);

        return is_array($value) ? array_values(array_filter($value, is_string(...))) : [];
    }

    private static function key(string ...$parts): string
    {
        return 'pogo:roster:'.implode(':', $parts);
    }

    /** @param  Closure(): void  $work */
    private function exclusively(string $appKey, Closure $work): void
    {
        $store = $this->cache->getStore();
        if ($store instanceof LockProvider) {
            $store->lock(self::key($appKey).':lock', self::lockSeconds)->block(self::lockSeconds, $work);
        } else {
            $work();
        }
    }
}
