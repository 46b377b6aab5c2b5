/** Loaded into a server before its code: each SIGUSR2 sets the wall clock an hour forward, then two hours back, in turn. */
const HOUR_MS = 3_600_000;
const now = Date.now.bind(Date);
let offset = 0;
Date.now = () => now() + offset;
process.on('SIGUSR2', () => {
  offset = offset > 0 ? -HOUR_MS : HOUR_MS;
  process.stdout.write(`{"msg":"the clock jumped","offset":${offset}}\n`);
});
