import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Resolves a name to all its addresses; `dns.lookup` in production. */
export type Resolver = (hostname: string) => Promise<readonly { address: string; family: number }[]>;

/** IPv6 ranges that carry an IPv4 address or lead to one, and others that the library calls plain unicast. */
const NOT_PUBLIC_V6 = [
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2001::/23',
  '2002::/16',
  '100::/64',
  '3fff::/20',
  '5f00::/16',
  'fec0::/10',
].map((range) => ipaddr.IPv6.parseCIDR(range));

/**
 * Whether an address is one of the public internet. An allow-list: what is not global unicast is refused, and so is every
 * range that wraps an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo), public inside or not.
 * Ranges: https://www.iana.org/assignments/iana-ipv4-special-registry and the IPv6 one beside it.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text) || text.includes('%')) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== 'unicast') return false;
  if (address.kind() === 'ipv4') return ipaddr.IPv4.isValidFourPartDecimal(text);
  return !NOT_PUBLIC_V6.some((range) => (address as ipaddr.IPv6).match(range));
}

/** A refusal; not the network's fault but the name's. */
export class AddressRefused extends Error {
  constructor(hostname: string) {
    super(`${hostname} has an address that is not public`);
    this.name = 'AddressRefused';
  }
}

/**
 * A `lookup` for sockets that connects to what it checked, so that a name that changes its answer (rebinding) gains
 * nothing. One private address among public ones refuses the name. Literal addresses never come here: check them before.
 */
export function createGuardedLookup(resolveName: Resolver = resolveAll): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (!first || !addresses.every(({ address }) => isPublicAddress(address))) {
          return callback(new AddressRefused(hostname), '', 0);
        }
        if (options.all) return callback(null, [...addresses]);
        callback(null, first.address, first.family);
      },
      (error) => callback(error, '', 0),
    );
  };
}

function resolveAll(hostname: string): Promise<readonly { address: string; family: number }[]> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}
