<?php

namespace Pogo\Tests;

use PHPUnit\Framework\TestCase;
use Pogo\Console\Install\EnvironmentFile;

class EnvironmentFileTest extends TestCase
{
    public function test_what_has_a_value_stays(): void
    {
        $env = new EnvironmentFile("REVERB_APP_KEY=theirs\nREVERB_APP_ID=\"1\"\n");
        $env->add('REVERB_APP_KEY', 'new');
        $env->add('REVERB_APP_ID', '2');

        $this->assertSame("REVERB_APP_KEY=theirs\nREVERB_APP_ID=\"1\"\n", $env->contents());
        $this->assertSame([], $env->added());
    }

    public function test_an_empty_entry_is_filled_in_where_it_stands(): void
    {
        $env = new EnvironmentFile("A=1\nREVERB_APP_KEY=\nB=2\n");
        $env->add('REVERB_APP_KEY', 'a$1b');

        $this->assertSame("A=1\nREVERB_APP_KEY=a\$1b\nB=2\n", $env->contents());
    }

    public function test_what_is_missing_comes_at_the_end(): void
    {
        $env = new EnvironmentFile('A=1');
        $env->add('REVERB_APP_KEY', 'new');

        $this->assertSame("A=1\nREVERB_APP_KEY=new\n", $env->contents());
        $this->assertSame(['REVERB_APP_KEY'], $env->added());
    }

    public function test_a_comment_is_no_entry(): void
    {
        $env = new EnvironmentFile("# REVERB_APP_KEY=example\n");

        $this->assertNull($env->get('REVERB_APP_KEY'));
    }
}
