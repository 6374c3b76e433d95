<?php

namespace Pogo\Console\Install;

/** Echo in the app's pages: a block for one origin, and the script that loads it. */
final readonly class EchoScripts
{
    private const block = <<<'JS'
    import Echo from 'laravel-echo';
    import Pusher from 'pusher-js';

    window.Pusher = Pusher;

    // One origin: the page and its WebSocket come from the same host and port, wherever that is.
    window.Echo = new Echo({
        broadcaster: 'reverb',
        key: import.meta.env.VITE_REVERB_APP_KEY,
        wsHost: window.location.hostname,
        wsPort: Number(window.location.port) || 80,
        wssPort: Number(window.location.port) || 443,
        forceTLS: window.location.protocol === 'https:',
        enabledTransports: ['ws', 'wss'],
    });

    JS;

    private const advice = 'wsHost: window.location.hostname, wsPort: Number(window.location.port) || 80, wssPort: Number(window.location.port) || 443, forceTLS: window.location.protocol === \'https:\'';

    private const import = "import './echo';";

    /** What a page begins with; Laravel's own installer writes to the first of these that is there, if it is JavaScript. */
    private const entries = ['bootstrap.js', 'app.js', 'bootstrap.ts', 'app.ts', 'app.jsx', 'app.tsx'];

    /** @param  string  $folder resources/js */
    public function __construct(private string $folder)
    {
    }

    /** @return list<Change> */
    public function changes(): array
    {
        if (! is_dir($this->folder)) {
            return [Change::none('Echo: there is no resources/js')];
        }
        $script = $this->configured();
        $name = $script ?? 'echo.js';
        $what = "resources/js/{$name}, for one origin";
        $block = match (true) {
            $script === null => Change::write($what, "{$this->folder}/{$name}", self::block),
            str_contains((string) $this->read($script), 'location.hostname') => Change::none($what),
            default => Change::advise($what, "In resources/js/{$name}: ".self::advice),
        };

        return $name === 'echo.js' ? [$block, $this->loaded()] : [$block];
    }

    /** Where Echo is made already, unless that is a comment; a second one would be a second connection. */
    private function configured(): ?string
    {
        foreach (['echo.ts', ...self::entries] as $script) {
            if (preg_match('/^(?!\s*(\/\/|\*)).*\b(new Echo|configureEcho)\(/m', (string) $this->read($script)) === 1) {
                return $script;
            }
        }

        return $this->read('echo.js') === null ? null : 'echo.js';
    }

    private function loaded(): Change
    {
        $what = 'resources/js/echo.js in the page';
        $texts = array_filter(array_map($this->read(...), array_combine(self::entries, self::entries)), is_string(...));
        foreach ($texts as $text) {
            if (str_contains($text, './echo')) {
                return Change::none($what);
            }
        }
        $entry = array_key_first($texts);

        return $entry !== null && str_ends_with($entry, '.js')
            ? Change::write($what, "{$this->folder}/{$entry}", ltrim(rtrim($texts[$entry])."\n\n".self::import."\n"))
            : Change::advise($what, 'In '.($entry === null ? 'what the page loads' : "resources/js/{$entry}").': '.self::import);
    }

    private function read(string $script): ?string
    {
        $path = "{$this->folder}/{$script}";

        return is_file($path) ? (string) file_get_contents($path) : null;
    }
}
