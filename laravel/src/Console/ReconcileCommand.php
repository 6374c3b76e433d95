<?php

namespace Pogo\Console;

use Illuminate\Console\Command;
use Illuminate\Support\Sleep;
use Pogo\Webhooks\Reconciler;

/** Has events say who is online where a webhook was lost; for the scheduler, every few minutes. */
class ReconcileCommand extends Command
{
    protected $signature = 'pogo:reconcile
        {--settle=10 : Seconds after which a difference has to be there still, since a webhook may be on its way}';

    protected $description = 'Dispatch MemberAdded and MemberRemoved that a lost webhook would have brought';

    public function handle(Reconciler $reconciler): int
    {
        $differences = $reconciler->differences();
        if ($differences !== []) {
            Sleep::for(max(0, (int) $this->option('settle')))->seconds();
        }
        $count = $differences === [] ? 0 : $reconciler->dispatch(...$differences);
        $this->components->info($count === 0 ? 'Nothing was missed.' : "{$count} events dispatched.");

        return self::SUCCESS;
    }
}
