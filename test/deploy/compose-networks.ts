/** What must hold for the networks of the compose file: who reaches the admin port, and whose X-Forwarded-* is believed. */

import { BlockList } from "node:net";
import { at, entries, list } from "./documents.ts";

export function networkProblems(document: unknown): readonly string[] {
  const services = new Map(entries(at(document, "services")));
  return [
    ...addressProblems(document, services),
    ...adminProblems(services),
    ...trustProblems(services),
  ];
}

/** Fixed addresses are each one service's, in the network's subnet and outside the range that others get theirs from. */
function addressProblems(
  document: unknown,
  services: ReadonlyMap<string, unknown>,
): readonly string[] {
  const problems: string[] = [];
  const taken = new Set<unknown>();
  for (const [name, service] of services) {
    for (const [network, terms] of entries(at(service, "networks"))) {
      const address = at(terms, "ipv4_address");
      if (address === undefined) continue;
      const config = at(document, "networks", network, "ipam", "config", 0);
      if (!isWithin(address, at(config, "subnet")) || isWithin(address, at(config, "ip_range"))) {
        problems.push(`${name}: ${String(address)} is no address of ${network}, or another's`);
      }
      if (taken.has(address)) problems.push(`${name}: ${String(address)} is taken`);
      taken.add(address);
    }
  }
  return problems;
}

/** The admin port is in a network of its own, in which Prometheus alone is. */
function adminProblems(services: ReadonlyMap<string, unknown>): readonly string[] {
  const problems: string[] = [];
  for (const [name, service] of services) {
    const networks = at(service, "networks");
    const isSidecar = at(service, "environment", "POGO_ADMIN_HOST") !== undefined;
    const isInAdmin = at(networks, "admin") !== undefined || list(networks).includes("admin");
    if (isInAdmin !== (isSidecar || name === "prometheus")) {
      problems.push(`${name}: ${isInAdmin ? "is" : "is not"} in the network admin`);
    }
    if (!isSidecar) continue;
    const bound = at(service, "environment", "POGO_ADMIN_HOST");
    if (bound !== at(networks, "admin", "ipv4_address")) {
      problems.push(`${name}: its admin port is bound to ${String(bound)}`);
    }
  }
  return problems;
}

/** Caddy alone is believed, by its address. */
function trustProblems(services: ReadonlyMap<string, unknown>): readonly string[] {
  const address = at(services.get("caddy"), "networks", "default", "ipv4_address");
  const trusted = at(services.get("sidecar"), "environment", "POGO_TRUSTED_PROXIES");
  return address !== undefined && trusted === address
    ? []
    : [`sidecar: believes ${String(trusted)}, and Caddy is ${String(address)}`];
}

function isWithin(address: unknown, subnet: unknown): boolean {
  const [network = "", prefix] = String(subnet).split("/");
  const block = new BlockList();
  block.addSubnet(network, Number(prefix));
  return block.check(String(address));
}
