<?php

namespace Pogo\Tests;

use Illuminate\Foundation\Application;
use Illuminate\Support\Env;
use PHPUnit\Framework\TestCase;
use Pogo\Console\Install\BroadcastingConfig;
use Pogo\Console\Install\Change;
use Pogo\Console\Install\Steps;
use ReflectionClass;

class InstallTest extends TestCase
{
    private string $app;

    protected function setUp(): void
    {
        $this->app = sys_get_temp_dir().'/pogo-install-'.bin2hex(random_bytes(6));
        mkdir("{$this->app}/bootstrap", recursive: true);
        mkdir("{$this->app}/routes");
        mkdir("{$this->app}/resources/js", recursive: true);
        $this->write('.env', "APP_NAME=Laravel\nBROADCAST_CONNECTION=log\n");
        $this->write('bootstrap/app.php', <<<'PHP'
            <?php

            use Illuminate\Foundation\Application;
            use Illuminate\Foundation\Configuration\Exceptions;
            use Illuminate\Foundation\Configuration\Middleware;

            return Application::configure(basePath: dirname(__DIR__))
                ->withRouting(
                    web: __DIR__.'/../routes/web.php',
                    commands: __DIR__.'/../routes/console.php',
                    health: '/up',
                )
                ->withMiddleware(function (Middleware $middleware): void {
                    //
                })
                ->withExceptions(function (Exceptions $exceptions): void {
                    //
                })->create();

            PHP);
        $this->write('resources/js/app.js', "import './bootstrap';\n");
        $this->write('resources/js/bootstrap.js', "import axios from 'axios';\nwindow.axios = axios;\n");
        $this->write('package.json', '{"devDependencies": {"laravel-echo": "^2", "pusher-js": "^8"}}');
        $this->write('composer.json', <<<'JSON'
            {
                "scripts": {
                    "dev": [
                        "Composer\\Config::disableProcessTimeout",
                        "npx concurrently -c \"#93c5fd,#c4b5fd\" \"php artisan serve\" \"npm run dev\" --names=server,vite --kill-others"
                    ]
                }
            }
            JSON);
    }

    protected function tearDown(): void
    {
        exec('rm -r '.escapeshellarg($this->app));
    }

    public function test_a_fresh_app_is_set_up_and_twice_is_once(): void
    {
        $this->apply();

        $env = $this->read('.env');
        $this->assertStringContainsString("BROADCAST_CONNECTION=reverb\n", $env);
        $this->assertMatchesRegularExpression('/^REVERB_APP_SECRET=[0-9a-z]{20}$/m', $env);
        $this->assertStringContainsString('VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"', $env);
        $this->assertStringNotContainsString('REVERB_INTERNAL', $env);
        $bootstrap = $this->read('bootstrap/app.php');
        $this->assertStringContainsString("channels: __DIR__.'/../routes/channels.php',", $bootstrap);
        $this->assertStringContainsString("\$middleware->trustProxies(at: '127.0.0.1');", $bootstrap);
        $this->assertStringContainsString('window.location.hostname', $this->read('resources/js/echo.js'));
        $this->assertStringEndsWith("window.axios = axios;\n\nimport './echo';\n", $this->read('resources/js/bootstrap.js'));
        $this->assertFileExists("{$this->app}/routes/channels.php");
        $this->assertStringContainsString('\"npx pogo-sidecar --log-format=text\" --names=server,vite,sidecar', $this->read('composer.json'));
        $this->assertNotNull(json_decode($this->read('composer.json')));
        exec('php -l '.escapeshellarg("{$this->app}/bootstrap/app.php"), $output, $code);
        $this->assertSame(0, $code, implode("\n", $output));

        $before = $this->snapshot();
        foreach ($this->steps()->changes() as $change) {
            $this->assertNull($change->contents, $change->what);
            $this->assertNull($change->advice, $change->what);
        }
        $this->apply();
        $this->assertSame($before, $this->snapshot());
    }

    public function test_what_a_person_wrote_stays_and_the_line_is_said(): void
    {
        $this->write('.env', "BROADCAST_CONNECTION=pusher\n");
        $this->write('bootstrap/app.php', "<?php\n\nreturn makeMyApp();\n");
        $this->write('resources/js/echo.js', 'window.Echo = mine;');
        $this->write('package.json', '{}');
        $before = $this->snapshot();
        $this->apply();
        $advice = $this->advice();

        foreach (['.env', 'bootstrap/app.php', 'resources/js/echo.js', 'package.json'] as $file) {
            $this->assertSame($before[$file], $this->read($file), $file);
        }
        foreach (['set it to reverb', 'channels:', 'trustProxies', 'wsHost', 'npm install'] as $part) {
            $this->assertStringContainsString($part, $advice);
        }
    }

    /** Without it the connection `reverb` can't be made, and then no page and no command of the app works. */
    public function test_what_laravel_publishes_with_comes_with_the_package(): void
    {
        $package = (string) file_get_contents(dirname(__DIR__).'/composer.json');

        $this->assertMatchesRegularExpression('/"require": {[^}]*"pusher\/pusher-php-server"/', $package);
    }

    public function test_a_page_without_bootstrap_loads_echo_in_app_js(): void
    {
        unlink("{$this->app}/resources/js/bootstrap.js");
        $this->write('resources/js/app.js', '');
        $this->apply();

        $this->assertSame("import './echo';\n", $this->read('resources/js/app.js'));
    }

    public function test_a_page_of_typescript_is_told_what_to_load(): void
    {
        unlink("{$this->app}/resources/js/bootstrap.js");
        unlink("{$this->app}/resources/js/app.js");
        $this->write('resources/js/app.ts', '');
        $this->apply();

        $this->assertSame('', $this->read('resources/js/app.ts'));
        $this->assertStringContainsString("import './echo';", $this->advice());
    }

    /** A second one would be a second connection. */
    public function test_a_page_that_has_echo_elsewhere_gets_no_second_one(): void
    {
        $this->write('resources/js/bootstrap.js', "window.Echo = new Echo({ broadcaster: 'pusher' });\n");
        $before = $this->snapshot();
        $this->apply();

        $this->assertFileDoesNotExist("{$this->app}/resources/js/echo.js");
        $this->assertSame($before['resources/js/bootstrap.js'], $this->read('resources/js/bootstrap.js'));
        $this->assertStringContainsString('In resources/js/bootstrap.js: wsHost', $this->advice());
    }

    public function test_an_echo_that_is_commented_out_is_none(): void
    {
        $this->write('resources/js/bootstrap.js', "// window.Echo = new Echo({\n//     broadcaster: 'pusher',\n// });\n");
        $this->apply();

        $this->assertFileExists("{$this->app}/resources/js/echo.js");
        $this->assertStringEndsWith("\nimport './echo';\n", $this->read('resources/js/bootstrap.js'));
    }

    public function test_without_an_env_file_it_says_so(): void
    {
        unlink("{$this->app}/.env");
        $this->apply();

        $this->assertFileDoesNotExist("{$this->app}/.env");
    }

    public function test_an_app_that_reads_an_internal_address_gets_one(): void
    {
        mkdir("{$this->app}/config");
        $this->write('config/broadcasting.php', "<?php return ['connections' => ['reverb' => ['options' => ['host' => env('REVERB_INTERNAL_HOST', env('REVERB_HOST'))]]]];");
        $this->apply();

        foreach (['HOST=127.0.0.1', 'PORT=8080', 'SCHEME=http'] as $entry) {
            $this->assertStringContainsString("REVERB_INTERNAL_{$entry}\n", $this->read('.env'));
        }
    }

    public function test_with_a_socket_the_stock_connection_publishes_over_it(): void
    {
        $this->apply('/run/pogo/api.sock');

        $this->assertStringContainsString("POGO_API_SOCKET=/run/pogo/api.sock\n", $this->read('.env'));
        $config = $this->read('config/broadcasting.php');
        $this->assertSame(1, substr_count($config, 'CURLOPT_UNIX_SOCKET_PATH'));
        foreach (['' => [], '/run/pogo/api.sock' => ['curl' => [CURLOPT_UNIX_SOCKET_PATH => '/run/pogo/api.sock']]] as $path => $options) {
            $this->assertSame($options, $this->reverbOptions((string) $path));
        }

        $before = $this->read('config/broadcasting.php');
        $this->apply('/run/pogo/api.sock');
        $this->assertSame($before, $this->read('config/broadcasting.php'));
    }

    public function test_client_options_that_a_person_wrote_stay_and_the_line_is_said(): void
    {
        mkdir("{$this->app}/config");
        $mine = "<?php return ['connections' => ['reverb' => ['driver' => 'reverb', 'client_options' => ['verify' => false]], 'pusher' => ['driver' => 'pusher', 'client_options' => []]]];";
        $this->write('config/broadcasting.php', $mine);
        $this->apply('/run/pogo/api.sock');

        $this->assertSame($mine, $this->read('config/broadcasting.php'));
        $advice = array_map(fn (Change $change) => $change->advice ?? '', $this->steps('/run/pogo/api.sock')->changes());
        $this->assertStringContainsString('CURLOPT_UNIX_SOCKET_PATH', implode("\n", $advice));
    }

    /** @return mixed the connection's `client_options`, as PHP reads them with this POGO_API_SOCKET */
    private function reverbOptions(string $socket): mixed
    {
        Env::getRepository()->set('POGO_API_SOCKET', $socket);
        $config = require "{$this->app}/config/broadcasting.php";
        Env::getRepository()->clear('POGO_API_SOCKET');

        return data_get($config, 'connections.reverb.client_options');
    }

    private function apply(?string $socket = null): void
    {
        foreach ($this->steps($socket)->changes() as $change) {
            if ($change->path !== null && $change->contents !== null) {
                @mkdir(dirname($change->path), recursive: true);
                file_put_contents($change->path, $change->contents);
            }
        }
    }

    private function steps(?string $socket = null): Steps
    {
        $stock = dirname((string) (new ReflectionClass(Application::class))->getFileName(), 4).'/config/broadcasting.php';

        return new Steps(
            $this->app,
            fn (int $length) => substr(str_repeat('a1', $length), 0, $length),
            new BroadcastingConfig("{$this->app}/config/broadcasting.php", $stock),
            $socket,
        );
    }

    /** @return array<string, string> */
    private function snapshot(): array
    {
        $files = ['.env', 'bootstrap/app.php', 'routes/channels.php', 'resources/js/echo.js', 'resources/js/app.js', 'resources/js/bootstrap.js', 'package.json', 'composer.json'];
        $there = array_filter($files, fn (string $file) => is_file("{$this->app}/{$file}"));

        return array_combine($there, array_map($this->read(...), $there));
    }

    private function advice(): string
    {
        return implode("\n", array_map(fn (Change $change) => $change->advice ?? '', $this->steps()->changes()));
    }

    private function write(string $file, string $contents): void
    {
        file_put_contents("{$this->app}/{$file}", $contents);
    }

    private function read(string $file): string
    {
        return (string) file_get_contents("{$this->app}/{$file}");
    }
}
