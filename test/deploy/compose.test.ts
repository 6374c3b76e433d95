/** Holds the compose file, each set of its profiles and what it mounts, against the option table and the code (D12, D15). */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { composeProblems, profileSets } from "./compose-rules.ts";
import { composeConfig, needsCompose } from "./compose-config.ts";
import { unknownNames } from "./facts.ts";
import { imageCommand } from "./dockerfile-rules.ts";
import { at, entries, list, parseDockerfile } from "./documents.ts";
import { needsPromtool, runPromtool } from "./promtool.ts";
import { environmentFaults, sidecarFacts } from "./sidecar-facts.ts";

const root = new URL("../../", import.meta.url);
const folder = new URL("deploy/compose/", root);
const read = (path: string): string => readFileSync(new URL(path, folder), "utf8");

const facts = await sidecarFacts();
const image = imageCommand(parseDockerfile(read("../../Dockerfile")));
const text = read("compose.yaml");
const compose = parseCompose(text);
const services = entries(at(compose, "services"));

/** As compose itself reads it, with YAML's merge keys. */
function parseCompose(yaml: string): unknown {
  return parse(yaml, { merge: true, logLevel: "silent" });
}

test("D15: compose publishes the sidecar before PHP with several workers, and what each profile adds finds its place", () => {
  assert.deepEqual(composeProblems(compose, facts, image), []);
});

test("D12: every environment name in the files exists", () => {
  for (const file of ["compose.yaml", ".env.example", "Caddyfile", "prometheus.yaml"]) {
    assert.deepEqual(unknownNames(read(file), facts), [], file);
  }
});

test("D15: what it mounts from here is here", () => {
  const sources = services
    .flatMap(([, service]) => list(at(service, "volumes")))
    .map((volume) => String(volume).split(":")[0] ?? "")
    .filter((source) => source.startsWith("."));
  assert.ok(sources.length >= 6);
  for (const source of sources) assert.ok(existsSync(new URL(source, folder)), source);
});

test("D12: the environment of each sidecar is a configuration without faults, alone and with Redis", () => {
  const credentials = { REVERB_APP_ID: "1", REVERB_APP_KEY: "key", REVERB_APP_SECRET: "secret" };
  // What an app's .env may have of Reverb's own server, and of Redis.
  const leftOver = { REVERB_SERVER_HOST: "127.0.0.1", REVERB_SERVER_PORT: "8081" };
  for (const name of ["sidecar", "sidecar-2"]) {
    const environment = at(compose, "services", name, "environment");
    for (const scaling of [undefined, "true"]) {
      const own = entries(environment).map(([key, value]) => [
        key,
        interpolate(String(value), { REVERB_SCALING_ENABLED: scaling }),
      ]);
      const all = { ...credentials, ...leftOver, ...Object.fromEntries(own) };
      assert.deepEqual(environmentFaults(all), [], name);
    }
  }
});

/** `${NAME:-default}`. */
function interpolate(value: string, env: Readonly<Record<string, string | undefined>>): string {
  return value.replaceAll(
    /\$\{(\w+)(?::-([^}]*))?\}/g,
    (_all, name: string, fallback = "") => env[name] ?? fallback,
  );
}

test("D12: .env.example has every variable that compose.yaml needs, and no other", () => {
  const needed = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name));
  const given = [...read(".env.example").matchAll(/^(\w+)=/gm)].map(([, name = ""]) => name);
  assert.deepEqual(given.toSorted(), [...needed, "COMPOSE_PROFILES"].toSorted());
});

test("D12: Caddy and Prometheus ask the sidecars where they listen, by the names that they have", () => {
  const aliases = (network: string) =>
    ["sidecar", "sidecar-2"].flatMap((name) =>
      list(at(compose, "services", name, "networks", network, "aliases")).map(String),
    );
  const [, name, port] = /dynamic a (\S+) (\d+)/.exec(read("Caddyfile")) ?? [];
  assert.deepEqual(aliases("default"), [name, name]);
  assert.equal(Number(port), facts.port);

  const prometheus: unknown = parse(read("prometheus.yaml"));
  const target = at(prometheus, "scrape_configs", 0, "dns_sd_configs", 0);
  assert.deepEqual(aliases("admin"), [...list(at(target, "names")), ...list(at(target, "names"))]);
  assert.equal(at(target, "port"), facts.adminPort);
});

test("Prometheus and Grafana have the one set of alerts and the one dashboard", () => {
  const mountsOf = (name: string) =>
    new Map(
      list(at(compose, "services", name, "volumes"))
        .map((volume) => String(volume).split(":"))
        .map(([source = "", target = ""]) => [source, target]),
    );
  const monitoring = "../k8s/components/monitoring";
  const rules = mountsOf("prometheus").get(`${monitoring}/rules.yaml`);
  const prometheus: unknown = parse(read("prometheus.yaml"));
  assert.deepEqual(
    list(at(prometheus, "rule_files")).map((file) => `/etc/prometheus/${String(file)}`),
    [rules],
  );

  const dashboard = mountsOf("grafana").get(`${monitoring}/dashboard.json`) ?? "";
  const provider: unknown = parse(read("grafana/dashboards.yaml"));
  assert.ok(dashboard.startsWith(`${String(at(provider, "providers", 0, "options", "path"))}/`));
  const home = at(
    compose,
    "services",
    "grafana",
    "environment",
    "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH",
  );
  assert.equal(home, dashboard);
  const url = URL.parse(
    String(at(parse(read("grafana/datasource.yaml")), "datasources", 0, "url")),
  );
  assert.ok(
    services.some(([name]) => name === url?.hostname),
    String(url),
  );
});

test("promtool check config: Prometheus takes its configuration", { skip: needsPromtool }, () => {
  const files = { "prometheus.yaml": read("prometheus.yaml"), "rules.yaml": "groups: []\n" };
  const checked = runPromtool(["check", "config", "prometheus.yaml"], { files });
  assert.ok(checked.ok, checked.output);
});

for (const profiles of profileSets) {
  const name = profiles.join(", ") || "no profile";
  test(`docker compose config: ${name}`, { skip: needsCompose }, () => {
    const config = composeConfig(profiles);
    assert.ok(config.ok, config.ok ? "" : config.error);
    const started = Object.keys(Object(at(config.document, "services")));
    const wanted = services
      .filter(([, service]) => {
        const own = list(at(service, "profiles"));
        return own.length === 0 || own.some((profile) => profiles.includes(String(profile)));
      })
      .map(([service]) => service);
    assert.deepEqual(started.toSorted(), wanted.toSorted());
    // Of the app's .env; what is written in the file comes before it.
    const environment = at(config.document, "services", "sidecar", "environment");
    assert.equal(at(environment, "REVERB_APP_SECRET"), "of-the-app");
    assert.equal(at(environment, "REVERB_APP_KEY"), "key-of-the-app");
    assert.equal(at(environment, "POGO_PORT"), String(facts.port));
    assert.equal(at(environment, "REVERB_SCALING_ENABLED"), String(profiles.includes("redis")));
  });
}

// The checks themselves: each must see what it is there for.

const brokenFiles: readonly (readonly [from: string | RegExp, to: string, problem: RegExp])[] = [
  ["POGO_UPSTREAM:", "POGO_UPSTREM:", /POGO_UPSTREM is no option/],
  ['"--no-reload", ', "", /one worker/],
  ['PHP_CLI_SERVER_WORKERS: "4"', 'PHP_CLI_SERVER_WORKERS: "1"', /not above 1/],
  ["POGO_UPSTREAM: http://app:8000", "POGO_UPSTREAM: http://app:9000", /does not listen where/],
  ['["CMD", "redis-cli", "ping"]', "redis-cli ping", /redis: its health check/],
  ["working_dir: /srv/app", 'working_dir: /srv/app\n    ports: ["8000:8000"]', /app: is published/],
  ['"127.0.0.1:9090:9090"', '"9090:9090"', /prometheus: is published/],
  ["stop_grace_period: 15s", "stop_grace_period: 10s", /stop_grace_period/],
  [
    "condition: service_healthy",
    "condition: service_started",
    /does not wait for app to be healthy/,
  ],
  ["required: false", "required: true", /profile may leave out/],
  ["hard: 65536", "hard: 1024", /too few open files/],
  ["redis:8-alpine", "redis", /redis is not pinned/],
  ["/dist/main.js", "/dist/cli.js", /but the image starts/],
  ['REVERB_PORT: "8080"', 'REVERB_PORT: "6001"', /publishes to sidecar:6001/],
  ["init: true", "init: false", /does not end on SIGTERM/],
  ["- socket:/run/pogo", "- other:/run/pogo", /shares no volume/],
  ["- state:/var/lib/pogo", "- state:/var/lib/other", /no volume keeps what it leaves/],
  ["- state:/var/lib/pogo", "- ./state:/var/lib/pogo", /no volume keeps what it leaves/],
  ["STATE_DIR: /var/lib/pogo", "STATE_DIR: /run/pogo", /may not write in a volume at .run.pogo/],
  ["BROADCAST_CONNECTION", "REVERB_APP_SECRET", /REVERB_APP_SECRET is written down/],
  ["env_file: *app-env", "env_file: [.env]", /other credentials/],
  [
    "profiles: [monitoring]\n    image: prom",
    "profiles: [tls]\n    image: prom",
    /grafana is started without prometheus/,
  ],
  [
    'command: ["php", "artisan", "queue:work"',
    'command: ["php", "artisan", "list"',
    /does no jobs/,
  ],
  ["stop_grace_period: 60s", "stop_grace_period: 10s", /a job has no time/],
  ['POGO_API_SOCKET: ""', "POGO_API_SOCKET: /run/pogo/api.sock", /first one's socket/],
  ["POGO_TRUSTED_PROXIES: 172.31.250.10", "POGO_TRUSTED_PROXIES: 172.31.250.0/24", /and Caddy is/],
  ["POGO_ADMIN_HOST: 172.31.251.11", "POGO_ADMIN_HOST: 0.0.0.0", /bound to 0.0.0.0/],
  ["ipv4_address: 172.31.251.12", "ipv4_address: 172.31.251.11", /172.31.251.11 is taken/],
  ["ipv4_address: 172.31.250.10", "ipv4_address: 172.31.250.200", /no address of default/],
  ["networks: [monitoring]", "networks: [monitoring, admin]", /grafana: is in the network admin/],
];

for (const [from, to, problem] of brokenFiles) {
  test(`the compose check sees ${String(from)} → ${to.replaceAll("\n", " ")}`, () => {
    const changed = text.replace(from, to);
    assert.notEqual(changed, text, `${String(from)} is not in the file`);
    assert.match(composeProblems(parseCompose(changed), facts, image).join("\n"), problem);
  });
}

test("the compose check sees an image in which the folder of the state is root's", () => {
  const dockerfile = read("../../Dockerfile").replace("--chown=65532:65532 ", "--chown=0:0 ");
  const other = imageCommand(parseDockerfile(dockerfile));
  assert.match(composeProblems(compose, facts, other).join("\n"), /may not write in a volume/);
});
