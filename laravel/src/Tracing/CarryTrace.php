<?php

namespace Pogo\Tracing;

use Closure;
use Illuminate\Broadcasting\BroadcastManager;
use Illuminate\Contracts\Config\Repository as Config;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Context;

/**
 * Middleware: what a page broadcasts, or a job that it queues, belongs to the page's trace. The sidecar names its span
 * in the field `traceparent` (W3C Trace Context), and the publish carries it back. An app with OpenTelemetry's own
 * instrumentation of Guzzle has no need of it.
 */
class CarryTrace
{
    /** Under this name queued jobs have it, in Laravel's context. */
    public const CONTEXT = 'pogo.traceparent';

    public function __construct(private Config $config, private BroadcastManager $broadcasts)
    {
    }

    public function handle(Request $request, Closure $next): mixed
    {
        $traceparent = $request->header('traceparent');
        $traceparent = is_string($traceparent) ? $traceparent : null;
        if ($traceparent !== null) {
            Context::addHidden(self::CONTEXT, $traceparent);
        }
        $this->carry($traceparent);

        return $next($request);
    }

    /** @param  string|null  $traceparent  null: what is published from now on belongs to no trace */
    public function carry(?string $traceparent): void
    {
        $connection = $this->config->get('pogo.connection') ?? $this->config->get('broadcasting.default');
        if (! is_string($connection)) {
            return;
        }
        $key = "broadcasting.connections.{$connection}.client_options.headers";
        $headers = $this->config->get($key);
        $headers = is_array($headers) ? $headers : [];
        if (($headers['traceparent'] ?? null) === $traceparent) {
            return;
        }
        $others = array_diff_key($headers, ['traceparent' => true]);
        $this->config->set($key, $traceparent === null ? $others : [...$others, 'traceparent' => $traceparent]);
        // A driver keeps the options that it was made with.
        $this->broadcasts->forgetDrivers();
    }
}
