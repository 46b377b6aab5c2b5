import { createMemoryStore } from '../helpers/memory-store.ts';
import { storeConformance } from './conformance.ts';

storeConformance('the memory store of the tests', async () => ({
  store: createMemoryStore().store,
  dispose: async () => {},
}));
