<?php

namespace App\Console\Commands;

use App\Events\MessageSent;
use Illuminate\Console\Command;

/** For the benchmark: broadcasts as a queue worker does, one after the other, and says what each took. */
class MeasureBroadcasts extends Command
{
    protected $signature = 'measure:broadcasts {count}';

    public function handle(): void
    {
        $count = (int) $this->argument('count');
        $nanoseconds = [];
        $cpuBefore = self::cpuMicroseconds();
        for ($i = 0; $i < $count; $i++) {
            $started = hrtime(true);
            broadcast(new MessageSent('public', 'bench', "message {$i}"));
            $nanoseconds[] = hrtime(true) - $started;
        }
        $cpu = self::cpuMicroseconds() - $cpuBefore;
        $this->line('measured '.json_encode(['nanoseconds' => $nanoseconds, 'cpuMicroseconds' => $cpu / $count]));
    }

    /** Of this process so far. */
    private static function cpuMicroseconds(): int
    {
        $usage = getrusage();

        return ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) * 1_000_000
            + $usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec'];
    }
}
