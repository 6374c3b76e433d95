<?php

namespace Pogo\Doctor;

use Illuminate\Contracts\Config\Repository as Config;
use Illuminate\Http\Client\ConnectionException;
use Illuminate\Http\Client\RequestException;
use Illuminate\Support\Str;
use Pogo\Admin\Admin;
use Pogo\Api\Credentials;
use Pogo\Sidecar;
use RuntimeException;

/** What only the running sidecar can say: whether it knows this app, and how it is. */
final readonly class SidecarChecks
{
    public function __construct(private Sidecar $sidecar, private Admin $admin, private Config $config)
    {
    }

    /** A signed request, as each publish is one. */
    public function credentials(): Finding
    {
        try {
            $credentials = Credentials::fromConfig($this->config);
        } catch (RuntimeException $error) {
            return Finding::skipped($error->getMessage());
        }
        try {
            $connections = $this->sidecar->connections();
        } catch (ConnectionException $error) {
            return Finding::wrong("nobody answers at {$credentials->address()}", 'Does the sidecar run, and listen there? REVERB_HOST, REVERB_PORT and REVERB_SCHEME say where PHP publishes: '.self::cause($error));
        } catch (RequestException $error) {
            return $this->refused($error, $credentials);
        }

        return Finding::right("{$credentials->address()} knows the app {$credentials->id}; {$connections} connections");
    }

    /** How the sidecar says that it is, on its admin port. */
    public function health(): Finding
    {
        $health = $this->admin->health();
        if ($health === null) {
            return Finding::skipped("nobody answers at {$this->admin->url} (POGO_ADMIN_URL); where the sidecar runs: pogo-sidecar doctor");
        }
        $text = fn (string $field): string => is_scalar($health[$field] ?? null) ? (string) $health[$field] : '';
        $what = "version {$text('version')}, {$text('connections')} connections";
        if ($text('circuit_breaker') === 'open') {
            return Finding::wrong("{$what}; it can't reach the app", 'Subscriptions without a signature wait: does the app listen where POGO_UPSTREAM says?');
        }
        if ($text('redis') === 'lost') {
            return Finding::wrong("{$what}; Redis is lost", "Events do not reach the other nodes: {$text('redis_error')}");
        }

        return $text('status') === 'ok'
            ? Finding::right($what)
            : Finding::doubtful("{$what}; it is not ready", 'It is starting or leaving; else its log says why');
    }

    /** Without what curl adds: a link to its codes, and the URL with the signature in it. */
    private static function cause(ConnectionException $error): string
    {
        return Str::before(Str::before($error->getMessage(), ' (see '), ' for http');
    }

    private function refused(RequestException $error, Credentials $credentials): Finding
    {
        $status = $error->response->status();

        return match ($status) {
            401 => Finding::wrong('the signature is refused', 'REVERB_APP_KEY and REVERB_APP_SECRET differ from the sidecar\'s, or the clocks do; the sidecar\'s log says which'),
            404 => Finding::wrong("{$credentials->address()} knows no app {$credentials->id}", 'REVERB_APP_ID differs from the sidecar\'s, or something else listens there'),
            default => Finding::wrong("{$credentials->address()} answered {$status}", 'Is that the sidecar, and not the app itself?'),
        };
    }
}
