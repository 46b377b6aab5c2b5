import assert from 'node:assert/strict';
import { BlockList, connect } from 'node:net';
import { describe, it } from 'node:test';
import { createGuardedLookup, isPublicAddress, type Resolver } from '../../../src/stores/http/address-guard.ts';

const PUBLIC = [
  '8.8.8.8',
  '1.1.1.1',
  '93.184.216.34',
  '192.88.98.1',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.0.1',
  '100.128.0.1',
  '2606:4700::1',
  '2a00:1450::1',
  '2400:cb00::1',
  '2001:200::1',
  '2003::1',
];
const REFUSED = [
  ...[
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '10.255.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
  ],
  ...[
    '192.168.0.1',
    '192.168.255.255',
    '100.64.0.1',
    '100.127.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
  ],
  ...['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '254.1.2.3', '255.255.255.255'],
  ...[
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '::8.8.8.8',
    '64:ff9b::8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
  ],
  ...[
    '2002:7f00:1::',
    '2002:808:808::1',
    '2001::1',
    '2001:0:4136:e378::1',
    '2001:10::1',
    '2001:20::1',
    '2001:db8::1',
    '3fff::1',
    '5f00::1',
    '100::1',
  ],
  // Assigned to nobody: routers may take them anywhere.
  ...[
    '1::1',
    '100:0:0:1::1',
    '200::1',
    '1fff::1',
    '4000::1',
    '8000::1',
    'e000::1',
    '::ffff:0:7f00:1',
    '2001:1ff:ffff::1',
  ],
  ...['fc00::1', 'fdaa:0:1::3', 'fdff::1', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1', 'ff02::1', 'ff0e::1'],
  ...[
    '',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '010.8.8.8',
    '0x08.8.8.8',
    '134744072',
    '1.2.3',
    '8.8.8.8.8',
    '8.8.8.8%1',
    '[::1]',
    ' 8.8.8.8',
  ],
];

describe('isPublicAddress', () => {
  for (const address of PUBLIC) it(`lets ${address} in`, () => assert.equal(isPublicAddress(address), true));
  for (const address of REFUSED)
    it(`refuses ${address || 'nothing'}`, () => assert.equal(isPublicAddress(address), false));

  it('meets every spelling of loopback in its normal form, as URLs give it', () => {
    for (const host of [
      '127.1',
      '2130706433',
      '0x7f.1',
      '0x7f000001',
      '0177.0.0.1',
      '127.0.0.1.',
      '0',
      '[::1]',
      '[0:0:0:0:0:0:0:1]',
      '[::ffff:127.0.0.1]',
      '①②⑦.⓪.⓪.①',
    ]) {
      const { hostname } = new URL(`https://${host}/`);
      assert.equal(isPublicAddress(hostname.replace(/^\[|\]$/g, '')), false, host);
    }
  });
});

describe('createGuardedLookup', () => {
  const answering =
    (...addresses: string[]): Resolver =>
    async () =>
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const look = (resolveName: Resolver, all: boolean, family = 0) =>
    new Promise((resolve, reject) => {
      createGuardedLookup({ resolveName })('name.example', { all, family }, (error, address, family) =>
        error ? reject(error) : resolve({ address, family }),
      );
    });

  it('passes public answers in the form that was asked for', async () => {
    assert.deepEqual(await look(answering('8.8.8.8', '2606:4700::1'), false), { address: '8.8.8.8', family: 4 });
    const { address } = (await look(answering('8.8.8.8', '2606:4700::1'), true)) as { address: unknown };
    assert.deepEqual(address, [
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
  });

  it('refuses a name with one private address among public ones, wherever it stands', async () => {
    for (const all of [true, false]) {
      await assert.rejects(look(answering('8.8.8.8', '10.0.0.1'), all), { name: 'AddressRefused' });
      await assert.rejects(look(answering('::1', '8.8.8.8'), all), { name: 'AddressRefused' });
      await assert.rejects(look(answering(), all), { name: 'AddressRefused' });
    }
  });

  it('asks once, so that a second answer cannot replace the one that was checked', async () => {
    let asked = 0;
    const rebinding: Resolver = async () => {
      asked += 1;
      return [{ address: asked === 1 ? '8.8.8.8' : '127.0.0.1', family: 4 }];
    };
    assert.deepEqual(await look(rebinding, false), { address: '8.8.8.8', family: 4 });
    assert.equal(asked, 1);
    await assert.rejects(look(rebinding, false), { name: 'AddressRefused' });
  });

  it('gives the family that was asked for, and checks the other one all the same', async () => {
    assert.deepEqual(await look(answering('8.8.8.8', '2606:4700::1'), false, 6), {
      address: '2606:4700::1',
      family: 6,
    });
    await assert.rejects(look(answering('10.0.0.1', '2606:4700::1'), false, 6), { name: 'AddressRefused' });
    await assert.rejects(look(answering('8.8.8.8'), true, 6), /no address of family 6/);
  });

  it('makes sockets connect to the address that was checked, whatever the name says next', async () => {
    let asked = 0;
    const resolveName: Resolver = async () => {
      asked += 1;
      return [{ address: asked === 1 ? '8.8.8.8' : '127.0.0.1', family: 4 }];
    };
    // Nothing may leave this machine: the list stops the socket at its last step, and its error names the address.
    const blockList = new BlockList();
    blockList.addSubnet('0.0.0.0', 0, 'ipv4');
    for (const autoSelectFamily of [true, false]) {
      asked = 0;
      const lookup = createGuardedLookup({ resolveName });
      const socket = connect({ host: 'name.example', port: 443, lookup, blockList, autoSelectFamily });
      const { promise, resolve } = Promise.withResolvers<Error>();
      socket.on('error', resolve);
      assert.match(`${(await promise).message}`, /8\.8\.8\.8/);
      assert.equal(asked, 1);
    }
  });

  it('passes failures on', async () => {
    const failing: Resolver = async () => {
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    };
    await assert.rejects(look(failing, true), { code: 'ENOTFOUND' });
  });
});
