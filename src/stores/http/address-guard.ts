import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Resolves a host name to all its addresses. */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** Global unicast as IANA assigns it; ipaddr.js calls the unassigned rest unicast as well. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Ranges inside it that are not public: Teredo, ORCHID and other protocols, documentation, and 6to4, which wraps IPv4. */
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'].map((range) =>
  ipaddr.IPv6.parseCIDR(range),
);

/**
 * Whether an address belongs to the public internet. An allow-list of global unicast; every range that wraps an IPv4
 * address (mapped, compatible, NAT64, 6to4, Teredo) is refused, whatever address it wraps.
 * Ranges: https://www.iana.org/assignments/iana-ipv4-special-registry and the IPv6 one beside it.
 */
export function isPublicAddress(ip: string): boolean {
  // A zone id (fe80::1%eth0) belongs to a link of this machine.
  if (!ipaddr.isValid(ip) || ip.includes('%')) return false;
  const address = ipaddr.parse(ip);
  if (address.range() !== 'unicast') return false;
  // ipaddr.js also reads short, octal and hex spellings, which sockets and resolvers never give.
  if (address.kind() === 'ipv4') return ipaddr.IPv4.isValidFourPartDecimal(ip);
  const v6 = address as ipaddr.IPv6;
  return v6.match(GLOBAL_V6) && !NOT_PUBLIC_V6.some((range) => v6.match(range));
}

/** Thrown for a host name without an address, or with one that is not public. */
export class AddressRefused extends Error {
  constructor(hostname: string) {
    super(`${hostname} has no address, or one that is not public`);
    this.name = 'AddressRefused';
  }
}

/**
 * A `lookup` for sockets: the addresses checked are the ones connected to, so that DNS rebinding gains nothing. One private
 * address among public ones refuses the name. Sockets do not look up literal addresses: check those before.
 */
export function createGuardedLookup(options: { readonly resolveName?: Resolver } = {}): LookupFunction {
  const { resolveName = resolveAll } = options;
  return (hostname, { all, family }, callback) => {
    resolveName(hostname).then(
      (addresses) => {
        // Checked before the choice of family: a name with a private address in the other family is refused too.
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
