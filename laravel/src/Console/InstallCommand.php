<?php

namespace Pogo\Console;

use Illuminate\Console\Command;
use Illuminate\Support\Str;
use Pogo\Console\Install\Steps;

/** Shows what the app lacks to stand behind the sidecar, asks, and writes it; run twice it does nothing more. */
class InstallCommand extends Command
{
    protected $signature = 'pogo:install {--dry-run : Show what would change, and change nothing}';

    protected $description = 'Set this app up to run behind Pogo Sidecar';

    public function handle(): int
    {
        $steps = new Steps($this->laravel->basePath(), fn (int $length) => Str::lower(Str::random($length)));
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
}
