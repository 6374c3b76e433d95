<?php

namespace Pogo\Doctor;

use Illuminate\Contracts\Config\Repository as Config;
use Illuminate\Contracts\Http\Kernel;
use Illuminate\Contracts\Queue\Factory as Queues;
use Illuminate\Foundation\Application;
use Illuminate\Http\Middleware\TrustProxies;
use Illuminate\Http\Request;
use Illuminate\Routing\Router;
use Throwable;

/** The app's half of the doctor: what of its own settings keeps events, subscriptions or sessions from arriving. */
final readonly class AppChecks
{
    public function __construct(
        private Application $app,
        private Config $config,
        private Router $router,
        private Queues $queues,
    ) {
    }

    public function cachedConfiguration(): Finding
    {
        if (! $this->app->configurationIsCached()) {
            return Finding::right('not cached');
        }
        $environment = $this->app->environmentFilePath();
        $cached = (int) filemtime($this->app->getCachedConfigPath());
        if (is_file($environment) && filemtime($environment) > $cached) {
            return Finding::wrong('cached before .env was changed last', 'php artisan config:cache, and restart the workers');
        }

        return Finding::right('cached, and newer than .env');
    }

    public function driver(): Finding
    {
        $name = $this->text('broadcasting.default');
        $driver = $this->text("broadcasting.connections.{$name}.driver");

        return match ($driver) {
            'reverb', 'pusher' => Finding::right("{$name}, by HTTP"),
            'redis' => Finding::doubtful("{$name}, by Redis", 'The sidecar needs POGO_REDIS_BROADCASTS=on and the prefix '.$this->text('database.redis.options.prefix')),
            default => Finding::wrong($name === '' ? 'none' : $name, 'BROADCAST_CONNECTION=reverb in .env: now no event reaches the sidecar'),
        };
    }

    public function authorizationRoute(): Finding
    {
        return $this->hasRoute('broadcasting/auth')
            ? Finding::right('POST /broadcasting/auth')
            : Finding::wrong('there is no broadcasting/auth', "In bootstrap/app.php, withRouting(…): channels: __DIR__.'/../routes/channels.php'");
    }

    public function webhookRoute(): Finding
    {
        $path = trim($this->text('pogo.webhooks.path'), '/');
        if ($path === '') {
            return Finding::skipped('switched off (pogo.webhooks.path)');
        }

        return $this->hasRoute($path)
            ? Finding::right("POST /{$path}; the sidecar needs POGO_WEBHOOK_URL=/{$path}")
            : Finding::wrong("there is no {$path}", 'php artisan route:clear: the routes were cached before the package came');
    }

    /** Events that are no `ShouldBroadcastNow` are published by a worker. */
    public function queueWorker(): Finding
    {
        $name = $this->text('queue.default');
        if (in_array($this->text("queue.connections.{$name}.driver"), ['sync', 'null'], true)) {
            return Finding::right("{$name}: events are published at once");
        }
        try {
            $waiting = $this->queues->connection($name)->size();
        } catch (Throwable $error) {
            return Finding::wrong("{$name} can't be asked: {$error->getMessage()}", 'Queued events are not published: look at the queue connection');
        }

        return $waiting === 0
            ? Finding::right("{$name}: nothing waits")
            : Finding::doubtful("{$name}: {$waiting} jobs wait", 'Is php artisan queue:work running? Without it, events that are not ShouldBroadcastNow are never published');
    }

    /** Whether a request from this machine is taken to be from whom it says that it is forwarded for. */
    public function trustedProxies(): Finding
    {
        // What bootstrap/app.php says of middleware is read once the kernel is made.
        $this->app->make(Kernel::class);
        $request = Request::create('/', server: ['REMOTE_ADDR' => '127.0.0.1', 'HTTP_X_FORWARDED_FOR' => '203.0.113.7']);
        $seen = $this->app->make(TrustProxies::class)->handle($request, fn (Request $request) => $request->ip());
        Request::setTrustedProxies([], Request::HEADER_X_FORWARDED_FOR);

        return $seen === '203.0.113.7'
            ? Finding::right('127.0.0.1 is trusted')
            : Finding::doubtful('127.0.0.1 is not trusted', "In bootstrap/app.php, withMiddleware(…): \$middleware->trustProxies(at: '127.0.0.1'); or request()->ip() is the sidecar's, and links are http behind TLS. Where the sidecar is on another machine, its address");
    }

    public function session(): Finding
    {
        $host = (string) parse_url($this->text('app.url'), PHP_URL_HOST);
        $scheme = parse_url($this->text('app.url'), PHP_URL_SCHEME);
        $domain = ltrim($this->text('session.domain'), '.');
        if ($domain !== '' && $host !== $domain && ! str_ends_with($host, ".{$domain}")) {
            return Finding::wrong("SESSION_DOMAIN={$domain} does not cover {$host} (APP_URL)", 'The browser sends no session to that host: leave SESSION_DOMAIN out, or set it to the domain that both share');
        }
        if ($this->config->get('session.secure') === true && $scheme === 'http' && $host !== 'localhost') {
            return Finding::doubtful('SESSION_SECURE_COOKIE with APP_URL=http://…', 'Over http the browser keeps the cookie back: private channels are refused');
        }

        return Finding::right($domain === '' ? 'of the host alone' : "of {$domain}");
    }

    private function hasRoute(string $path): bool
    {
        foreach ($this->router->getRoutes()->getRoutes() as $route) {
            $isThere = $route->uri() === $path || str_ends_with($route->uri(), "/{$path}");
            if ($isThere && in_array('POST', $route->methods(), true)) {
                return true;
            }
        }

        return false;
    }

    private function text(string $key): string
    {
        $value = $this->config->get($key);

        return is_scalar($value) ? (string) $value : '';
    }
}
