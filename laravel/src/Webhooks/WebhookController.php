<?php

namespace Pogo\Webhooks;

use Illuminate\Contracts\Cache\LockProvider;
use Illuminate\Contracts\Cache\Repository;
use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Throwable;

/**
 * Takes the sidecar's webhooks and dispatches each event once, in the order in which it happened.
 *
 * Webhooks are delivered at least once: a batch whose answer was lost comes again. What was dispatched of it already is
 * remembered in the cache, so that a second delivery goes on where the first one stopped.
 */
final class WebhookController
{
    /** Longest that one batch may take before another delivery of it may begin. */
    private const lockSeconds = 60;

    public function __construct(
        private readonly Dispatcher $dispatcher,
        private readonly Repository $cache,
        /** By which the app of a key signs; null for a key that is none of ours. */
        private readonly WebhookSecrets $secrets,
        private readonly int $maxAgeSeconds,
        private readonly Roster $roster,
    ) {
    }

    public function __invoke(Request $request): Response
    {
        $secret = $this->secrets->of($request->headers->get('X-Pusher-Key') ?? '');
        $batch = $secret === null ? null : Batch::verified($request, $secret);
        if ($batch === null) {
            return new Response('The signature does not hold: does the app have the sidecar\'s secret?', 401);
        }
        if (abs($batch->occurredAt->diffInSeconds()) > $this->maxAgeSeconds) {
            // Not tried again: it would only get older.
            return new Response('', 204);
        }

        return $this->exclusively($batch, fn () => $this->dispatch($batch));
    }

    private function dispatch(Batch $batch): Response
    {
        foreach ($batch->events() as $index => $event) {
            $key = "pogo:webhook:{$batch->id}:{$index}";
            if ($event === null || ! $this->cache->add($key, true, 2 * $this->maxAgeSeconds)) {
                continue;
            }
            try {
                $this->dispatcher->dispatch($event);
            } catch (Throwable $error) {
                // The sidecar tries again, from here on.
                $this->cache->forget($key);
                throw $error;
            }
            $this->roster->apply($event);
        }

        return new Response('', 204);
    }

    /** @param  callable(): Response  $work */
    private function exclusively(Batch $batch, callable $work): Response
    {
        $store = $this->cache->getStore();
        if (! $store instanceof LockProvider) {
            return $work();
        }
        $lock = $store->lock("pogo:webhook:{$batch->id}", self::lockSeconds);
        if (! $lock->get()) {
            return new Response('Another delivery of this batch is under way.', 503, ['Retry-After' => '1']);
        }
        try {
            return $work();
        } finally {
            $lock->release();
        }
    }
}
