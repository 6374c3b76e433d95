#!/usr/bin/perl
# What systemd does with a socket unit and Restart=always: opens the port once, and starts the command with it again and again.
# socket-unit.pl PORT COMMAND…: prints the command's process id at each start; ends with SIGTERM, after the command.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();

my ($port, @command) = @ARGV;
my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 511, ReuseAddr => 1)
    or die "cannot listen on $port: $!\n";
my ($child, $is_ending) = (0, 0);
$SIG{TERM} = sub { $is_ending = 1; kill 'TERM', $child if $child; };
$| = 1;

until ($is_ending) {
    $child = fork // die "cannot fork: $!\n";
    if ($child == 0) {
        POSIX::dup2(fileno($socket), 3) if fileno($socket) != 3;
        $^F = 3;    # descriptors up to this one stay open in the command
        require Fcntl;
        open(my $kept, '>&=', 3) or die "descriptor 3: $!\n";
        fcntl($kept, Fcntl::F_SETFD(), 0) or die "descriptor 3: $!\n";
        @ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1);
        exec @command or die "cannot run $command[0]: $!\n";
    }
    print "started $child\n";
    waitpid $child, 0;
}
