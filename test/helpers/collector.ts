import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

/** As OTLP over HTTP writes it in JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly links: { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}

interface Export {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: ReceivedSpan['attributes'] };
    readonly scopeSpans: { readonly spans: ReceivedSpan[] }[];
  }[];
}

/** A collector of the tests' own, on loopback. A silent one takes spans and never answers. */
export async function startCollector({ silent = false } = {}) {
  const bodies: string[] = [];
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      bodies.push(body);
      if (!silent) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const dispose = () => {
    server.closeAllConnections();
    server.close();
  };
  after(dispose);
  const received = () => bodies.flatMap((body) => (JSON.parse(body) as Export).resourceSpans);
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    text: () => bodies.join(''),
    services: () => received().map(({ resource }) => attribute(resource, 'service.name')),
    spans: () => received().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  };
}

export function attribute({ attributes }: Pick<ReceivedSpan, 'attributes'>, name: string): string | undefined {
  return attributes.find(({ key }) => key === name)?.value.stringValue;
}
