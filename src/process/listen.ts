import { growHeapSlowly } from './heap-growth.ts';

interface Listener {
  /** Resolves to the address; rejects with a system error. */
  listen(options: { readonly host: string; readonly port: number }): Promise<string>;
}

/** Opens the port, behind which the server has all its modules. Resolves to the address as a URL. */
export async function listen(app: Listener, at: { host: string; port: number }): Promise<string> {
  const address = await opened(app, at);
  growHeapSlowly();
  return address;
}

/** `::` takes IPv4 too and is what peers on IPv6 networks reach; on a machine without IPv6 it is IPv4 alone. */
async function opened(app: Listener, { host, port }: { host: string; port: number }): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (host !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    return app.listen({ host: '0.0.0.0', port });
  }
}
