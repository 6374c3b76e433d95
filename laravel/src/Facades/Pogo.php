<?php

namespace Pogo\Facades;

use Illuminate\Support\Facades\Facade;
use Pogo\Sidecar;
use Pogo\Testing\FakeSidecar;

/**
 * @method static array<string, array{user_count?: int}> channels(string $prefix = '')
 * @method static list<string> users(string $channel)
 * @method static int connections()
 * @method static void sendToUser(string|int $userId, string $event, array<string, mixed> $data = [])
 * @method static void terminate(string|int $userId)
 * @method static void hold(int $seconds = 30)
 * @method static void release()
 *
 * @see Sidecar
 */
class Pogo extends Facade
{
    /** From now on nothing reaches a sidecar; the assertions are on what is returned. */
    public static function fake(): FakeSidecar
    {
        $fake = new FakeSidecar;
        static::swap($fake);

        return $fake;
    }

    protected static function getFacadeAccessor(): string
    {
        return Sidecar::class;
    }
}
