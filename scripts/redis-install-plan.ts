export interface Machine {
  platform: NodeJS.Platform;
  root: boolean;
  /** Whether a command is on the PATH. */
  has(command: string): boolean;
}

/** Commands to run now, or one sentence for the person at the machine. */
export type Plan = { install: readonly (readonly string[])[] } | { advice: string };

const aptGet = 'apt-get install -y redis-server';

const otherManagers = {
  dnf: 'dnf install -y redis',
  apk: 'apk add redis',
  pacman: 'pacman -S --noconfirm redis',
  zypper: 'zypper install -y redis',
} as const;

/** How this machine gets redis-server. Only apt-get as root is run unasked: containers and CI; nobody's own machine is changed. */
export function redisInstallPlan({ platform, root, has }: Machine): Plan {
  if (platform === 'darwin') return advise('brew install redis');
  if (platform !== 'linux')
    return { advice: `Install Redis so that redis-server is on the PATH (on Windows: in WSL, ${aptGet}).` };
  const sudo = root ? '' : 'sudo ';
  if (has('apt-get')) return root ? { install: aptCommands } : advise(`${sudo}${aptGet}`);
  for (const [manager, command] of Object.entries(otherManagers)) {
    if (has(manager)) return advise(`${sudo}${command}`);
  }
  return { advice: 'Install Redis with your package manager so that redis-server is on the PATH.' };
}

const aptCommands = [
  ['apt-get', 'update'],
  ['apt-get', '-o', 'DPkg::Lock::Timeout=120', ...aptGet.split(' ').slice(1)],
];

function advise(command: string): Plan {
  return { advice: `Run: ${command}` };
}
