<?php

namespace Pogo\Tests;

use Carbon\CarbonImmutable;
use Illuminate\Cache\ArrayStore;
use Illuminate\Cache\Repository;
use Illuminate\Events\Dispatcher;
use PHPUnit\Framework\TestCase;
use Pogo\Events\MemberAdded;
use Pogo\Events\MemberRemoved;
use Pogo\Events\SidecarEvent;
use Pogo\Events\UserOnline;
use Pogo\Testing\FakeSidecar;
use Pogo\Webhooks\Reconciler;
use Pogo\Webhooks\Roster;

class ReconcilerTest extends TestCase
{
    private Roster $roster;

    private FakeSidecar $sidecar;

    /** @var list<SidecarEvent> */
    private array $dispatched = [];

    protected function setUp(): void
    {
        $this->roster = new Roster(new Repository(new ArrayStore));
        $this->sidecar = new FakeSidecar;
    }

    public function test_the_roster_is_what_events_said(): void
    {
        foreach ([['a', '1'], ['a', '2'], ['b', '1'], ['a', '1']] as [$channel, $userId]) {
            $this->roster->apply($this->added($channel, $userId));
        }
        $this->roster->apply(new UserOnline('9', 'key', CarbonImmutable::now()));
        $this->assertEquals(['presence-a' => ['2', '1'], 'presence-b' => ['1']], $this->roster->all('key'));

        $this->roster->apply($this->removed('b', '1'));
        $this->roster->apply($this->removed('b', '1'));
        $this->assertEquals(['presence-a' => ['2', '1']], $this->roster->all('key'));
        $this->assertSame([], $this->roster->all('another'));
    }

    public function test_what_was_missed_is_dispatched_once(): void
    {
        $this->roster->apply($this->added('a', '1'));
        $this->roster->apply($this->added('gone', '1'));
        $this->sidecar->withUsers('presence-a', 2)->withUsers('presence-new', 3);
        $reconciler = $this->reconciler();

        $this->assertSame(4, $reconciler->dispatch(...$reconciler->differences()));
        $said = array_map(fn (object $event) => get_object_vars($event), $this->dispatched);
        $this->assertEqualsCanonicalizing(
            [['presence-a', '1'], ['presence-a', '2'], ['presence-gone', '1'], ['presence-new', '3']],
            array_map(fn (array $event) => [$event['channel'], $event['userId']], $said),
        );
        $this->assertSame([], $reconciler->differences());
    }

    public function test_what_came_right_by_itself_meanwhile_is_not_said_twice(): void
    {
        $this->sidecar->withUsers('presence-a', 1);
        $reconciler = $this->reconciler();
        $differences = $reconciler->differences();
        $this->assertCount(1, $differences);

        // The webhook was only on its way.
        $this->roster->apply($this->added('a', '1'));
        $this->assertSame(0, $reconciler->dispatch(...$differences));
        $this->assertSame([], $this->dispatched);
    }

    private function reconciler(): Reconciler
    {
        $dispatcher = new Dispatcher;
        $dispatcher->listen(SidecarEvent::class, function (SidecarEvent $event): void {
            $this->dispatched[] = $event;
        });

        return new Reconciler($this->sidecar, $this->roster, $dispatcher, 'key');
    }

    private function added(string $channel, string $userId): MemberAdded
    {
        return new MemberAdded("presence-{$channel}", $userId, 'key', CarbonImmutable::now());
    }

    private function removed(string $channel, string $userId): MemberRemoved
    {
        return new MemberRemoved("presence-{$channel}", $userId, 'key', CarbonImmutable::now());
    }
}
