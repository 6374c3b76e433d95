<?php

namespace Pogo;

use Illuminate\Cache\CacheManager;
use Illuminate\Contracts\Config\Repository as Config;
use Illuminate\Contracts\Container\Container;
use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Contracts\Foundation\CachesRoutes;
use Illuminate\Http\Client\Factory;
use Illuminate\Routing\Router;
use Illuminate\Support\ServiceProvider;
use Pogo\Api\Client;
use Pogo\Api\Credentials;
use Pogo\Console\InstallCommand;
use Pogo\Webhooks\WebhookController;
use Pogo\Webhooks\WebhookSecrets;

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
        $this->app->bind(WebhookController::class, fn (Container $app) => new WebhookController(
            $app->make(Dispatcher::class),
            $app->make(CacheManager::class)->store($this->text('pogo.webhooks.store')),
            $app->make(WebhookSecrets::class),
            $this->integer('pogo.webhooks.max_age', 900),
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
        if ($this->app->runningInConsole()) {
            $this->commands([InstallCommand::class]);
            $this->publishes([__DIR__.'/../config/pogo.php' => config_path('pogo.php')], 'pogo-config');
        }
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
