import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { redisInstallPlan } from './redis-install-plan.js';

// The argument is for the tests, which leave the machine's own file alone.
const policy = process.argv[2] ?? '/usr/sbin/policy-rc.d';

function has(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => existsSync(join(dir, command)));
}

function works(): boolean {
  return spawnSync(process.env.REDIS_SERVER ?? 'redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
}

function run([command = '', ...args]: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0;
}

/** Tests start their own servers: the package must not start one as a service, which Debian does unless this file says no. */
function withoutServices(install: () => boolean): boolean {
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy);
  }
}

function fail(message: string): never {
  console.error(`The tests run on a real redis-server, and there is none here. ${message}`);
  process.exit(1);
}

if (!works()) {
  const plan = redisInstallPlan({ platform: process.platform, root: process.getuid?.() === 0, has });
  if ('advice' in plan) fail(plan.advice);
  console.log('Installing redis-server, which the tests need');
  const installed = withoutServices(() => plan.install.every(run));
  if (!installed || !works()) fail('apt-get could not install it: see above. Run: apt-get install -y redis-server');
}
