<?php

namespace Pogo\Console\Install;

/** The app's config/broadcasting.php: has the stock connection `reverb` publish over a Unix socket. */
final readonly class BroadcastingConfig
{
    /** Without the variable, as on a machine that has no such socket, it publishes over TCP as before. */
    private const clientOptions = <<<'PHP'
    'client_options' => env('POGO_API_SOCKET') ? [
                    'curl' => [CURLOPT_UNIX_SOCKET_PATH => env('POGO_API_SOCKET')],
                ] : [],
    PHP;

    /** @param  string  $stockPath  the framework's own, which counts where the app has none */
    public function __construct(private string $path, private string $stockPath)
    {
    }

    /** Whether PHP's way to the sidecar has variables of its own, beside those of the browsers' address. */
    public function hasInternalAddress(): bool
    {
        return str_contains($this->contents(), 'REVERB_INTERNAL_HOST');
    }

    public function publishOverSocket(): Change
    {
        $what = 'config/broadcasting.php: publish over POGO_API_SOCKET';
        $before = $this->contents();
        if (str_contains($before, 'CURLOPT_UNIX_SOCKET_PATH')) {
            return Change::none($what);
        }
        // The options of `reverb` while nobody has written any; not those of a connection behind it.
        $empty = "/('reverb' => \[(?:(?!'driver' => '(?!reverb')).)*?)'client_options' => \[(?:\s|\/\/[^\n]*)*\],/s";
        $after = preg_replace_callback($empty, fn (array $found) => $found[1].self::clientOptions, $before, 1, $count);

        return $count === 1 && $after !== null
            ? Change::write($what, $this->path, $after)
            : Change::advise($what, 'In config/broadcasting.php, connection reverb, client_options: \'curl\' => [CURLOPT_UNIX_SOCKET_PATH => env(\'POGO_API_SOCKET\')]');
    }

    private function contents(): string
    {
        return (string) file_get_contents(is_file($this->path) ? $this->path : $this->stockPath);
    }
}
