<?php

namespace Pogo\Tests;

use PHPUnit\Framework\AssertionFailedError;
use PHPUnit\Framework\TestCase;
use Pogo\Testing\FakeSidecar;

class FakeSidecarTest extends TestCase
{
    public function test_it_answers_what_it_was_given(): void
    {
        $fake = (new FakeSidecar)->withUsers('presence-room.1', 1, 'ann')->withConnections(7);

        $this->assertSame(['1', 'ann'], $fake->users('presence-room.1'));
        $this->assertSame([], $fake->users('presence-room.2'));
        $this->assertSame(['presence-room.1' => ['user_count' => 2]], $fake->channels('presence-'));
        $this->assertSame([], $fake->channels('private-'));
        $this->assertSame(7, $fake->connections());
    }

    public function test_it_remembers_what_was_sent_and_who_was_terminated(): void
    {
        $fake = new FakeSidecar;
        $fake->sendToUser(1, 'greeting', ['text' => 'hello']);
        $fake->terminate('ann');

        $fake->assertSentToUser('1', 'greeting');
        $fake->assertSentToUser(1, 'greeting', fn (array $data) => $data['text'] === 'hello');
        $fake->assertTerminated('ann');
    }

    public function test_it_knows_whether_requests_wait(): void
    {
        $fake = new FakeSidecar;
        $fake->assertReleased();
        $fake->hold(10);
        $fake->assertHeld();
        $fake->release();
        $fake->assertReleased();
    }

    public function test_an_assertion_that_does_not_hold_fails(): void
    {
        $fake = new FakeSidecar;
        $fake->assertNothingSent();
        $fake->assertNobodyTerminated();

        $this->expectException(AssertionFailedError::class);
        $fake->assertSentToUser(1, 'greeting');
    }
}
