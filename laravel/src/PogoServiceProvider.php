<?php

namespace Pogo;

use Illuminate\Cache\CacheManager;
use Illuminate\Contracts\Cache\Repository;
use Illuminate\Contracts\Config\Repository as Config;
use Illuminate\Contracts\Container\Container;
use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Contracts\Foundation\CachesRoutes;
use Illuminate\Foundation\Console\AboutCommand;
use Illuminate\Http\Client\Factory;
use Illuminate\Log\Context\Repository as LogContext;
use Illuminate\Routing\Router;
use Illuminate\Support\Facades\Context;
use Illuminate\Support\ServiceProvider;
use Pogo\Admin\Admin;
use Pogo\Api\Client;
use Pogo\Api\Credentials;
use Pogo\Console\DoctorCommand;
use Pogo\Console\InstallCommand;
use Pogo\Console\ReconcileCommand;
use Pogo\Tracing\CarryTrace;
use Pogo\Webhooks\Reconciler;
use Pogo\Webhooks\Roster;
use Pogo\Webhooks\WebhookController;
use Pogo\Webhooks\WebhookSecrets;
use RuntimeException;

class PogoServiceProvider extends ServiceProvider
{
    public function register(): void
    {
        $this->mergeConfigFrom(__DIR__.'/../config/pogo.php', 'pogo');

        $this->app->bind(Client::class, fn (Container $app) => new Client(
            $app->make(Factory::class),
            Credentials::fromConfig($app->make(Config::class)),
            $this->integer('pogo.timeout', 5),
        ));
        $this->app->singleton(Sidecar::class);
        $this->app->bind(Admin::class, fn (Container $app) => new Admin(
            $app->make(Factory::class),
            rtrim($this->text('pogo.admin_url') ?? '', '/'),
            $this->integer('pogo.timeout', 5),
        ));
        $this->app->bind(Roster::class, fn (Container $app) => new Roster($this->store($app)));
        $this->app->bind(Reconciler::class, fn (Container $app) => new Reconciler(
            $app->make(Sidecar::class),
            $app->make(Roster::class),
            $app->make(Dispatcher::class),
            Credentials::fromConfig($app->make(Config::class))->key,
        ));
        $this->app->bind(WebhookController::class, fn (Container $app) => new WebhookController(
            $app->make(Dispatcher::class),
            $this->store($app),
            $app->make(WebhookSecrets::class),
            $this->integer('pogo.webhooks.max_age', 900),
            $app->make(Roster::class),
        ));
    }

    public function boot(Router $router): void
    {
        $path = $this->text('pogo.webhooks.path');
        // Outside of the group `web`: the sidecar has no session and no CSRF token, its signature is checked instead.
        if ($path !== null && ! ($this->app instanceof CachesRoutes && $this->app->routesAreCached())) {
            $middleware = config('pogo.webhooks.middleware');
            $router->post($path, WebhookController::class)
                ->middleware(is_array($middleware) ? $middleware : [])
                ->name('pogo.webhooks');
        }
        // A job is given the context of the page that queued it.
        Context::hydrated(function (LogContext $context): void {
            $traceparent = $context->getHidden(CarryTrace::CONTEXT);
            $this->app->make(CarryTrace::class)->carry(is_string($traceparent) ? $traceparent : null);
        });
        if ($this->app->runningInConsole()) {
            $this->commands([DoctorCommand::class, InstallCommand::class, ReconcileCommand::class]);
            AboutCommand::add('Pogo Sidecar', fn () => $this->about());
            $this->publishes([__DIR__.'/../config/pogo.php' => config_path('pogo.php')], 'pogo-config');
        }
    }

    /** @return array<string, string> for `php artisan about` */
    private function about(): array
    {
        $path = $this->text('pogo.webhooks.path');
        try {
            $credentials = Credentials::fromConfig(app(Config::class));
            $publishing = ['App' => $credentials->id, 'Publishes to' => $credentials->address()];
        } catch (RuntimeException $error) {
            $publishing = ['Publishes to' => $error->getMessage()];
        }

        return [...$publishing, 'Webhooks' => $path ?? 'OFF', 'Admin port' => $this->text('pogo.admin_url') ?? 'OFF'];
    }

    private function store(Container $app): Repository
    {
        return $app->make(CacheManager::class)->store($this->text('pogo.webhooks.store'));
    }

    private function text(string $key): ?string
    {
        $value = config($key);

        return is_string($value) && $value !== '' ? $value : null;
    }

    private function integer(string $key, int $default): int
    {
        $value = config($key);

        return is_numeric($value) ? (int) $value : $default;
    }
}
