/** Loaded into a server before its code: one name that stands for the addresses in `BENCH_PEERS`, as a service's DNS has it. */
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';

const lookup = dns.lookup;
const addresses = (process.env.BENCH_PEERS ?? '').split(',').filter(Boolean);
const ours = (host: string) => host === 'peers.test';
dns.lookup = (async (host: string, options: object) =>
  ours(host) ? addresses.map((address) => ({ address, family: 4 })) : lookup(host, options)) as typeof dns.lookup;
syncBuiltinESMExports();
