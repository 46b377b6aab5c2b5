/**
 * The worst legal originals, two at a time, in a cgroup of so many MiB: is the process killed, and how near does it come?
 *
 *     node bench/ceiling.ts [--mib 512] [--faces on|off] [--minutes 10] [--slots 2] [--allocator glibc|arenas|jemalloc]
 *
 * Needs root, a writable memory controller (cgroup v1 or v2) and the originals that it makes itself, by code, from
 * `--photos` (the samples unless told). Counts what is answered, and fails when anything was lost.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { formatImagePath } from '../src/url/image-path.ts';
import { createSignatures } from '../src/url/signature.ts';
import { saveReport, table } from './report.ts';
