/**
 * `npm audit` of the runtime dependencies, for CI: a finding fails, and so does an answer without a report. A registry without
 * an audit endpoint, as some mirrors are, is reported and passes.
 */
import { spawnSync } from 'node:child_process';

interface Report {
  readonly metadata?: { readonly vulnerabilities: Readonly<Record<string, number>> };
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly isDirect: boolean }>>;
  readonly error?: { readonly code?: string; readonly summary?: string; readonly detail?: string };
  readonly message?: string;
  readonly statusCode?: number;
}

const UNREACHABLE = /audit endpoint returned an error|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET/;

const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json', ...process.argv.slice(2)], {
  encoding: 'utf8',
});
let report: Report = {};
try {
  report = JSON.parse(stdout);
} catch {}

if (report.metadata) {
  const found = Object.entries(report.vulnerabilities ?? {});
  for (const [name, { severity }] of found) process.stdout.write(`audit: ${name}: ${severity}\n`);
  process.stdout.write(`audit: ${found.length} packages with known vulnerabilities\n`);
  process.exitCode = found.length > 0 ? 1 : 0;
} else {
  const reason = [report.message, report.error?.code, report.error?.summary, stderr].join(' ');
  const unreachable = UNREACHABLE.test(reason);
  process.stdout.write(
    `audit: ${unreachable ? 'the registry cannot be asked' : 'no report'}: ${reason.trim().slice(0, 300)}\n`,
  );
  process.exitCode = unreachable ? 0 : 1;
}
