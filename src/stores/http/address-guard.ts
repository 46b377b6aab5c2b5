import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Resolves a name to all its addresses; `dns.lookup` in production. */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** All that IANA has given to the public internet; the library calls the unassigned rest plain unicast as well. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Inside it: Teredo, ORCHID and other protocols' own, documentation, and 6to4, which wraps an IPv4 address. */
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'].map((range) =>
  ipaddr.IPv6.parseCIDR(range),
);

/**
 * Whether an address is one of the public internet. An allow-list: what is not global unicast is refused, and so is every
 * range that wraps an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo), public inside or not.
 * Ranges: https://www.iana.org/assignments/iana-ipv4-special-registry and the IPv6 one beside it.
 */
export function isPublicAddress(ip: string): boolean {
  // A zone id (fe80::1%eth0) belongs to this machine's own links.
  if (!ipaddr.isValid(ip) || ip.includes('%')) return false;
  const address = ipaddr.parse(ip);
  if (address.range() !== 'unicast') return false;
  // The library also reads short, octal and hex spellings; sockets and resolvers never give those.
  if (address.kind() === 'ipv4') return ipaddr.IPv4.isValidFourPartDecimal(ip);
  const v6 = address as ipaddr.IPv6;
  return v6.match(GLOBAL_V6) && !NOT_PUBLIC_V6.some((range) => v6.match(range));
}

/** A refusal; not the network's fault but the name's. */
export class AddressRefused extends Error {
  constructor(hostname: string) {
    super(`${hostname} has no address, or one that is not public`);
    this.name = 'AddressRefused';
  }
}

/**
 * A `lookup` for sockets that connects to what it checked, so that a name that changes its answer (rebinding) gains
 * nothing. One private address among public ones refuses the name. Literal addresses never come here: check them before.
 */
export function createGuardedLookup(options: { readonly resolveName?: Resolver } = {}): LookupFunction {
  const { resolveName = resolveAll } = options;
  return (hostname, { all, family }, callback) => {
    resolveName(hostname).then(
      (addresses) => {
        // Checked before the choice of family: a name that is private in the other one is no public name.
        const refused = addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address));
        if (refused) return callback(new AddressRefused(hostname), '', 0);
        const wanted = addresses.filter((found) => !family || String(family).endsWith(String(found.family)));
        const [first] = wanted;
        if (!first) return callback(new Error(`${hostname} has no address of family ${family}`), '', 0);
        if (all) return callback(null, [...wanted]);
        callback(null, first.address, first.family);
      },
      (error) => callback(error, '', 0),
    );
  };
}

function resolveAll(hostname: string): Promise<readonly ResolvedAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}
