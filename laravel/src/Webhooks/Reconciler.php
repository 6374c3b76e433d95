<?php

namespace Pogo\Webhooks;

use Carbon\CarbonImmutable;
use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Http\Client\RequestException;
use Pogo\Events\MemberAdded;
use Pogo\Events\MemberRemoved;
use Pogo\Sidecar;

/** Dispatches what a lost webhook would have said: who is in a presence channel by now, or is there no more. */
final readonly class Reconciler
{
    public function __construct(
        private Sidecar $sidecar,
        private Roster $roster,
        private Dispatcher $dispatcher,
        private string $appKey,
    ) {
    }

    /**
     * @return list<MemberAdded|MemberRemoved> what the app has not been told
     *
     * @throws RequestException
     */
    public function differences(): array
    {
        $now = CarbonImmutable::now();
        $known = $this->roster->all($this->appKey);
        $online = $this->online();
        $differences = [];
        foreach (array_keys($known + $online) as $channel) {
            $channel = (string) $channel;
            [$before, $after] = [$known[$channel] ?? [], $online[$channel] ?? []];
            foreach (array_diff($before, $after) as $userId) {
                $differences[] = new MemberRemoved($channel, $userId, $this->appKey, $now);
            }
            foreach (array_diff($after, $before) as $userId) {
                $differences[] = new MemberAdded($channel, $userId, $this->appKey, $now);
            }
        }

        return $differences;
    }

    /** Those of `earlier` that are so still: what was only on its way is not said twice. */
    public function dispatch(MemberAdded|MemberRemoved ...$earlier): int
    {
        $identify = fn (MemberAdded|MemberRemoved $event) => [$event::class, $event->channel, $event->userId];
        $seen = array_map($identify, $earlier);
        $still = array_filter($this->differences(), fn ($event) => in_array($identify($event), $seen, true));
        foreach ($still as $event) {
            $this->dispatcher->dispatch($event);
            $this->roster->apply($event);
        }

        return count($still);
    }

    /**
     * @return array<string, list<string>> user ids by channel
     *
     * @throws RequestException
     */
    private function online(): array
    {
        $channels = array_map(strval(...), array_keys($this->sidecar->channels('presence-')));

        return array_combine($channels, array_map($this->users(...), $channels));
    }

    /** @return list<string> */
    private function users(string $channel): array
    {
        try {
            return $this->sidecar->users($channel);
        } catch (RequestException $error) {
            // Vacated since.
            return $error->response->status() === 404 ? [] : throw $error;
        }
    }
}
