/** What every server on Fastify starts with, for bench/start.ts: one route, nothing behind it. */
import fastify from 'fastify';

const app = fastify({ logger: { level: 'info' } });
app.get('/*', async () => 'ok');
app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
