<?php

namespace Pogo\Console;

use Illuminate\Console\Command;
use Pogo\Doctor\AppChecks;
use Pogo\Doctor\Finding;
use Pogo\Doctor\SidecarChecks;
use Pogo\Doctor\Status;

/** Looks at everything of the app's that keeps events, subscriptions or sessions from arriving, and says what mends it. */
class DoctorCommand extends Command
{
    protected $signature = 'pogo:doctor';

    protected $description = 'Find out why events or subscriptions do not arrive';

    public function handle(AppChecks $app, SidecarChecks $sidecar): int
    {
        $findings = [
            'Configuration' => $app->cachedConfiguration(),
            'Broadcast connection' => $app->driver(),
            'Credentials' => $sidecar->credentials(),
            'Authorization route' => $app->authorizationRoute(),
            'Webhook route' => $app->webhookRoute(),
            'Queue' => $app->queueWorker(),
            'Trusted proxies' => $app->trustedProxies(),
            'Session' => $app->session(),
            'The sidecar itself' => $sidecar->health(),
        ];
        foreach ($findings as $name => $finding) {
            $this->components->twoColumnDetail("{$name}: {$finding->detail}", match ($finding->status) {
                Status::Right => '<fg=green>right</>',
                Status::Doubtful => '<fg=yellow>doubtful</>',
                Status::Wrong => '<fg=red>wrong</>',
                Status::Skipped => '<fg=gray>skipped</>',
            });
            if ($finding->advice !== null) {
                $this->components->bulletList([$finding->advice]);
            }
        }
        $isWrong = array_filter($findings, fn (Finding $finding) => $finding->status === Status::Wrong) !== [];

        return $isWrong ? self::FAILURE : self::SUCCESS;
    }
}
