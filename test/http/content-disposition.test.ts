import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { contentDisposition } from '../../src/http/content-disposition.ts';

describe('contentDisposition', () => {
  it('has one name where ASCII says it, and a second in UTF-8 where it does not', () => {
    for (const [name, header] of [
      ['chair.jpg', 'attachment; filename="chair.jpg"'],
      ['a chair (2).jpg', 'attachment; filename="a chair (2).jpg"'],
      ['Größe 5 €.jpg', `attachment; filename="Gro_e 5 _.jpg"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%205%20%E2%82%AC.jpg`],
      ['50%.jpg', `attachment; filename="50_.jpg"; filename*=UTF-8''50%25.jpg`],
      ['"a";b=\'c\'*.jpg', `attachment; filename="_a__b='c'*.jpg"; filename*=UTF-8''%22a%22%3Bb%3D%27c%27%2A.jpg`],
      ['📷.webp', `attachment; filename="_.webp"; filename*=UTF-8''%F0%9F%93%B7.webp`],
    ] as const)
      assert.equal(contentDisposition(name), header);
  });

  it('lets no name leave its folder, hide, or read backwards', () => {
    assert.equal(contentDisposition('../../etc/passwd'), 'attachment; filename="__.._etc_passwd"');
    assert.equal(contentDisposition('..\\a.jpg'), 'attachment; filename="__a.jpg"');
    assert.equal(contentDisposition('.bashrc'), 'attachment; filename="_bashrc"');
    assert.equal(contentDisposition('photo\u202Egpj.exe'), 'attachment; filename="photo_gpj.exe"');
  });

  it('is one header value of printable ASCII with two parameters at most, whatever the name', () => {
    const form =
      /^attachment; filename="[ !#$&-:<-[\]-~]*"(?:; filename\*=UTF-8''(?:[A-Za-z0-9!.~_-]|%[0-9A-F]{2})+)?$/;
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1 }).filter((name) => name.isWellFormed()),
        (name) => {
          const header = contentDisposition(name);
          assert.match(header, form);
          const [, extended] = /filename\*=UTF-8''(.*)$/.exec(header) ?? [];
          const safe = name.replace(/[/\\\p{Cc}\p{Bidi_Control}]/gu, '_').replace(/^\.+/, '_');
          if (extended) assert.equal(decodeURIComponent(extended), safe);
          else assert.equal(header, `attachment; filename="${safe}"`);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
