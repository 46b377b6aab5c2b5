import { describe, it } from 'node:test';
import { checkShop, FRAMEWORKS, frameworkSkip } from '../helpers/framework-shops.ts';

for (const [name, framework] of Object.entries(FRAMEWORKS))
  describe(`the code of ${framework.page}`, { skip: frameworkSkip(framework) }, () => {
    it(`runs in a shop of ${name}: its page and all published paths`, async (context) => {
      context.diagnostic(`${name} ${await checkShop(framework)}`);
    });

    if (name === 'Rails')
      it('takes the key from the encrypted credentials where the environment has none', async () => {
        await checkShop(framework, { credentials: true });
      });
  });
