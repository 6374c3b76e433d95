<?php

namespace Pogo\Console\Install;

/** A `.env`, to which entries are added; those that have a value stay as they are. */
final class EnvironmentFile
{
    /** @var list<string> */
    private array $added = [];

    public function __construct(private string $contents)
    {
    }

    /** The value as it is written, quotes and all; null where the name is missing or empty. */
    public function get(string $name): ?string
    {
        $found = preg_match('/^\s*(?:export\s+)?'.preg_quote($name, '/').'\s*=[ \t]*(.*)$/m', $this->contents, $match);
        $value = $found === 1 ? trim($match[1], " \t\r\"'") : '';

        return $value === '' ? null : $value;
    }

    /** Fills in an empty entry where it stands, or adds it at the end; leaves one with a value. */
    public function add(string $name, string $value): void
    {
        if ($this->get($name) !== null) {
            return;
        }
        $this->added[] = $name;
        $empty = '/^(\s*(?:export\s+)?'.preg_quote($name, '/').'\s*=).*$/m';
        if (preg_match($empty, $this->contents) === 1) {
            $this->contents = (string) preg_replace_callback($empty, fn (array $line) => $line[1].$value, $this->contents, 1);

            return;
        }
        $this->contents = rtrim($this->contents, "\n")."\n{$name}={$value}\n";
    }

    /** Replaces the value of an entry that is there. */
    public function replace(string $name, string $value): void
    {
        $this->added[] = $name;
        $pattern = '/^(\s*(?:export\s+)?'.preg_quote($name, '/').'\s*=).*$/m';
        $this->contents = (string) preg_replace_callback($pattern, fn (array $line) => $line[1].$value, $this->contents, 1);
    }

    /** @return list<string> names that were added or changed */
    public function added(): array
    {
        return $this->added;
    }

    public function contents(): string
    {
        return $this->contents;
    }
}
