<?php

namespace Pogo\Api;

use Illuminate\Http\Client\Factory;
use Illuminate\Http\Client\RequestException;

/** Signed requests to the sidecar's HTTP API (Pusher: "HTTP API", authentication). */
class Client
{
    public function __construct(
        private readonly Factory $http,
        private readonly Credentials $credentials,
        private readonly int $timeoutSeconds,
    ) {
    }

    /**
     * @param  array<string, string>  $query
     * @return array<array-key, mixed> the JSON of the answer
     *
     * @throws RequestException
     */
    public function get(string $path, array $query = []): array
    {
        return $this->send('GET', $path, $query, '');
    }

    /**
     * @param  array<string, mixed>  $body
     * @return array<array-key, mixed>
     *
     * @throws RequestException
     */
    public function post(string $path, array $body = []): array
    {
        return $this->send('POST', $path, [], json_encode((object) $body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE));
    }

    /**
     * @param  array<string, string>  $query
     * @return array<array-key, mixed>
     */
    private function send(string $method, string $path, array $query, string $body): array
    {
        $path = "/apps/{$this->credentials->id}/{$path}";
        $request = $this->http
            ->withOptions($this->credentials->clientOptions)
            ->timeout($this->timeoutSeconds)
            ->acceptJson();
        if ($body !== '') {
            $request = $request->withBody($body, 'application/json');
        }
        $signed = $this->sign($method, $path, $query, $body);
        $answer = $request->send($method, "{$this->credentials->baseUrl}{$path}?".http_build_query($signed))->throw();
        $json = $answer->json();

        return is_array($json) ? $json : [];
    }

    /**
     * @param  array<string, string>  $query
     * @return array<string, string>
     */
    private function sign(string $method, string $path, array $query, string $body): array
    {
        $query += [
            'auth_key' => $this->credentials->key,
            'auth_timestamp' => (string) time(),
            'auth_version' => '1.0',
        ];
        if ($body !== '') {
            $query['body_md5'] = md5($body);
        }
        ksort($query);
        $pairs = array_map(fn (string $name, string $value) => "{$name}={$value}", array_keys($query), $query);
        $text = implode("\n", [$method, $path, implode('&', $pairs)]);

        return $query + ['auth_signature' => hash_hmac('sha256', $text, $this->credentials->secret)];
    }
}
