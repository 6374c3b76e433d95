<?php

namespace Pogo\Console;

use Illuminate\Console\Command;
use Illuminate\Foundation\Application;
use Illuminate\Support\Str;
use Pogo\Console\Install\BroadcastingConfig;
use Pogo\Console\Install\Steps;
use ReflectionClass;

/** Shows what the app lacks to stand behind the sidecar, asks, and writes it; run twice it does nothing more. */
class InstallCommand extends Command
{
    protected $signature = 'pogo:install
        {--dry-run : Show what would change, and change nothing}
        {--socket= : Publish over a Unix socket instead of TCP; its path, or storage/framework/pogo-api.sock}';

    protected $description = 'Set this app up to run behind Pogo Sidecar';

    public function handle(): int
    {
        $steps = new Steps(
            $this->laravel->basePath(),
            fn (int $length) => Str::lower(Str::random($length)),
            new BroadcastingConfig($this->laravel->configPath('broadcasting.php'), self::stockConfig()),
            $this->socket(),
        );
        $changes = $steps->changes();
        foreach ($changes as $change) {
            match (true) {
                $change->contents !== null => $this->components->twoColumnDetail($change->what, '<fg=yellow>to write</>'),
                $change->advice !== null => $this->components->twoColumnDetail($change->what, '<fg=red>by hand</>'),
                default => $this->components->twoColumnDetail($change->what, '<fg=green>done</>'),
            };
        }
        $writes = array_filter($changes, fn ($change) => $change->contents !== null);
        $isAllowed = $writes !== [] && ! $this->option('dry-run')
            && (! $this->input->isInteractive() || $this->components->confirm('Write these changes?', true));
        if ($isAllowed) {
            foreach ($writes as $change) {
                @mkdir(dirname((string) $change->path), recursive: true);
                file_put_contents((string) $change->path, (string) $change->contents);
            }
            $this->components->info(count($writes).' changes written.');
        }
        foreach ($changes as $change) {
            if ($change->advice !== null) {
                $this->components->warn($change->advice);
            }
        }

        return self::SUCCESS;
    }

    /** Null: TCP. */
    private function socket(): ?string
    {
        if (! $this->input->hasParameterOption('--socket', true)) {
            return null;
        }
        $path = $this->option('socket');

        return is_string($path) && $path !== '' ? $path : storage_path('framework/pogo-api.sock');
    }

    private static function stockConfig(): string
    {
        return dirname((string) (new ReflectionClass(Application::class))->getFileName(), 4).'/config/broadcasting.php';
    }
}
