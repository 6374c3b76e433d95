<?php

namespace Pogo\Console\Install;

use Closure;

/** What an app needs to stand behind the sidecar: one step for each file, which says what it would change. */
final readonly class Steps
{
    private const channels = <<<'PHP'
    <?php

    use Illuminate\Support\Facades\Broadcast;

    Broadcast::channel('App.Models.User.{id}', function ($user, $id) {
        return (int) $user->id === (int) $id;
    });

    PHP;

    /** Its output is no terminal there. */
    private const devCommand = 'npx pogo-sidecar --log-format=text';

    /**
     * @param  Closure(int): string  $random so many random characters of 0-9a-z
     * @param  ?string  $socket path of the Unix socket to publish over; null: TCP
     */
    public function __construct(
        private string $basePath,
        private Closure $random,
        private BroadcastingConfig $broadcasting,
        private ?string $socket = null,
    ) {
    }

    /** @return list<Change> */
    public function changes(): array
    {
        return [
            $this->environment(),
            ...$this->socket === null ? [] : [$this->broadcasting->publishOverSocket()],
            $this->channelsFile(),
            $this->bootstrapRouting(),
            $this->trustedProxies(),
            ...(new EchoScripts("{$this->basePath}/resources/js"))->changes(),
            $this->npmPackages(),
            $this->devScript(),
        ];
    }

    private function environment(): Change
    {
        $path = "{$this->basePath}/.env";
        $what = 'credentials and addresses in .env';
        $before = $this->read($path);
        if ($before === null) {
            return Change::advise($what, 'There is no .env: copy .env.example, and run this again.');
        }
        $env = new EnvironmentFile($before);
        $connection = $env->get('BROADCAST_CONNECTION');
        if (in_array($connection, ['log', 'null'], true)) {
            $env->replace('BROADCAST_CONNECTION', 'reverb');
        }
        $entries = [
            'BROADCAST_CONNECTION' => 'reverb',
            'REVERB_APP_ID' => (string) random_int(100_000, 999_999),
            'REVERB_APP_KEY' => ($this->random)(20),
            'REVERB_APP_SECRET' => ($this->random)(20),
            'REVERB_HOST' => 'localhost',
            'REVERB_PORT' => '8080',
            'REVERB_SCHEME' => 'http',
            'VITE_REVERB_APP_KEY' => '"${REVERB_APP_KEY}"',
            'VITE_REVERB_HOST' => '"${REVERB_HOST}"',
            'VITE_REVERB_PORT' => '"${REVERB_PORT}"',
            'VITE_REVERB_SCHEME' => '"${REVERB_SCHEME}"',
            'POGO_WEBHOOK_URL' => '/pogo/webhooks',
        ];
        if ($this->broadcasting->hasInternalAddress()) {
            $entries += ['REVERB_INTERNAL_HOST' => '127.0.0.1', 'REVERB_INTERNAL_PORT' => '8080', 'REVERB_INTERNAL_SCHEME' => 'http'];
        }
        if ($this->socket !== null) {
            $entries['POGO_API_SOCKET'] = $this->socket;
        }
        foreach ($entries as $name => $value) {
            $env->add($name, $value);
        }
        if (! in_array($connection, [null, 'reverb', 'log', 'null'], true)) {
            return Change::advise($what, "BROADCAST_CONNECTION={$connection} in .env: set it to reverb.");
        }

        return $env->added() === []
            ? Change::none($what)
            : Change::write("{$what}: ".implode(', ', $env->added()), $path, $env->contents());
    }

    private function channelsFile(): Change
    {
        $path = "{$this->basePath}/routes/channels.php";
        $what = 'routes/channels.php';

        return $this->read($path) === null ? Change::write($what, $path, self::channels) : Change::none($what);
    }

    private function bootstrapRouting(): Change
    {
        $path = "{$this->basePath}/bootstrap/app.php";
        $what = 'routes/channels.php in bootstrap/app.php';
        $before = (string) $this->read($path);
        if (preg_match('/^\s*channels:|withBroadcasting\(/m', $before) === 1) {
            return Change::none($what);
        }
        $line = "channels: __DIR__.'/../routes/channels.php',";
        // Behind the console routes, where Laravel's own installer puts it.
        $after = preg_replace('/^(\s*)(commands:.*,)$/m', "\$1\$2\n\$1{$line}", $before, 1, $count);

        return $count === 1 && $after !== null
            ? Change::write($what, $path, $after)
            : Change::advise($what, "In bootstrap/app.php, withRouting(…): {$line}");
    }

    private function trustedProxies(): Change
    {
        $path = "{$this->basePath}/bootstrap/app.php";
        $what = 'trustProxies in bootstrap/app.php, so that request()->ip() is the visitor\'s';
        // The step before may have a change for the same file.
        $routing = $this->bootstrapRouting();
        $before = $routing->contents ?? (string) $this->read($path);
        if (str_contains($before, 'trustProxies')) {
            return Change::none($what);
        }
        $line = "\$middleware->trustProxies(at: '127.0.0.1');";
        $empty = '/(withMiddleware\(function \(Middleware \$middleware\)(?:: void)? \{\n)(\s*)\/\/\n/';
        $after = preg_replace($empty, "\$1\$2{$line}\n", $before, 1, $count);

        return $count === 1 && $after !== null
            ? Change::write($what, $path, $after)
            : Change::advise($what, "In bootstrap/app.php, withMiddleware(…): {$line}");
    }

    private function npmPackages(): Change
    {
        $what = 'npm packages laravel-echo and pusher-js';
        $json = $this->read("{$this->basePath}/package.json");
        if ($json === null || (str_contains($json, '"laravel-echo"') || str_contains($json, '"@laravel/echo-')) && str_contains($json, '"pusher-js"')) {
            return Change::none($what);
        }

        return Change::advise($what, 'npm install --save-dev laravel-echo pusher-js');
    }

    private function devScript(): Change
    {
        $path = "{$this->basePath}/composer.json";
        $what = 'the sidecar in `composer dev`';
        $before = (string) $this->read($path);
        if (str_contains($before, 'pogo-sidecar') || ! str_contains($before, 'npx concurrently')) {
            return Change::none($what);
        }
        // The last of the commands, with a name and a colour beside the others'.
        $after = preg_replace(
            '/(npx concurrently.*?)( --names=[^\s"]+)/',
            '$1 \\"'.self::devCommand.'\\"$2,sidecar',
            $before,
            1,
            $count,
        );

        return $count === 1 && $after !== null
            ? Change::write($what, $path, $after)
            : Change::advise($what, 'In composer.json, script `dev`: one more command, "'.self::devCommand.'"');
    }

    private function read(string $path): ?string
    {
        return is_file($path) ? (string) file_get_contents($path) : null;
    }
}
