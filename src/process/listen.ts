interface Listener {
  /** Resolves to the address; rejects with a system error. */
  listen(options: { readonly host: string; readonly port: number }): Promise<string>;
}

/**
 * Opens the port. `::` takes IPv4 too and is what peers on IPv6 networks reach; on a machine without IPv6 it is IPv4 alone.
 * Resolves to the address as a URL.
 */
export async function listen(app: Listener, { host, port }: { host: string; port: number }): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (host !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
    return app.listen({ host: '0.0.0.0', port });
  }
}
