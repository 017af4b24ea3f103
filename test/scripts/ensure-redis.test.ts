import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Machine, redisInstallPlan } from '../../scripts/redis-install-plan.js';

const plan = (platform: Machine['platform'], root: boolean, ...commands: string[]) =>
  redisInstallPlan({ platform, root, has: (command) => commands.includes(command) });

describe('the plan', () => {
  it('installs by itself only as root on Debian and Ubuntu', () => {
    expect(plan('linux', true, 'apt-get')).toEqual({
      install: [
        ['apt-get', 'update'],
        ['apt-get', '-o', 'DPkg::Lock::Timeout=120', 'install', '-y', 'redis-server'],
      ],
    });
  });

  it.each([
    ['linux', false, 'apt-get', 'Run: sudo apt-get install -y redis-server'],
    ['darwin', false, 'brew', 'Run: brew install redis'],
    ['linux', true, 'apk', 'Run: apk add redis'],
    ['linux', false, 'dnf', 'Run: sudo dnf install -y redis'],
    ['linux', true, 'nothing', 'Install Redis with your package manager so that redis-server is on the PATH.'],
  ] as const)('says the one command on %s (root %s, %s)', (platform, root, command, advice) => {
    expect(plan(platform, root, command)).toEqual({ advice });
  });
});

describe('the step', () => {
  /** Runs the real script on a PATH that holds only what a test puts there. */
  async function ensure(commands: Record<string, string>, redisServer?: string) {
    const bin = await mkdtemp(join(tmpdir(), 'tierkeep-path-'));
    onTestFinished(() => rm(bin, { recursive: true }));
    for (const [name, script] of Object.entries(commands)) {
      await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const env = { PATH: bin, ...(redisServer === undefined ? {} : { REDIS_SERVER: redisServer }) };
    const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/ensure-redis.ts', join(bin, 'policy')], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code: child.exitCode, stdout, stderr, bin };
  }

  it('is silent when redis-server is there', async () => {
    expect(await ensure({ 'redis-server': 'echo v=7.0.0' })).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('fails with one sentence when it cannot be had', async () => {
    const { code, stdout, stderr } = await ensure({});
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^The tests run on a real redis-server, and there is none here\. .*\n$/);
  });

  // The commands of a container's root are stood in for, so that no test changes the machine it runs on.
  const asRoot = process.getuid?.() === 0 && process.platform === 'linux';

  it('installs where it may, says so where not', async () => {
    const { code, stdout, stderr, bin } = await ensure({
      'apt-get': `cd "\${0%/*}" && echo "$@" "$DEBIAN_FRONTEND" "$(./policy; echo $?)" >> log
        case "$*" in *install*) printf '#!/bin/sh\\nexit 0\\n' > redis-server; /bin/chmod +x redis-server;; esac`,
    });
    if (asRoot) {
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain('Installing redis-server');
      const log = await readFile(join(bin, 'log'), 'utf8');
      expect(log.split('\n')).toEqual([
        'update noninteractive 101',
        expect.stringMatching(/install -y redis-server noninteractive 101$/),
        '',
      ]);
      expect(existsSync(join(bin, 'policy'))).toBe(false);
    } else {
      expect(code).toBe(1);
      expect(stderr).toMatch(/Run: (sudo apt-get install -y redis-server|brew install redis)/);
    }
  });

  it('fails when the installation does', async () => {
    const { code, stderr } = await ensure({ 'apt-get': 'echo "E: no network" >&2; exit 100' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/Run: (sudo )?(apt-get install -y redis-server|brew install redis)/);
  });
});
