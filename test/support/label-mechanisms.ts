import type { Entry } from '../../src/entries/entry.js';
import type { KnownLabel } from '../../src/entries/labels.js';
import type { Core } from '../../src/tiers/core.js';
import type { SharedServer } from './shared-server.js';
import type { WorldProcess } from './simulated-process.js';

/** What is taken away of tags and clear to show that a race is lost without it. Tests only. */
export interface LabelMechanisms {
  /** `unheard`: other processes are not told of new versions. */
  readonly bump?: 'told' | 'unheard';
  /** `silent`: nor of one that was made because there was none. */
  readonly making?: 'told' | 'silent';
  /** `counted`: versions are numbers that grow, and begin anew when they are lost. */
  readonly version?: 'unique' | 'counted';
  /** `after`: an entry carries the versions that there are when it is stored. */
  readonly snapshot?: 'before' | 'after';
  /** `off`: a version is kept however it changed while it was read. */
  readonly versionFence?: 'on' | 'off';
  /** `always`: a version that was read once is believed as long as the bus stands, whether every change of it was heard or not. */
  readonly versionTrust?: 'of its epoch' | 'always';
  /** `off`: copies in L1 do not look at their tags. */
  readonly tagsOfCopies?: 'on' | 'off';
  /** `off`: nor at their namespaces, nor do tickets, and L1 is not emptied. */
  readonly generation?: 'on' | 'off';
  /** `any`: a load is joined whatever was invalidated by tag since it began. */
  readonly joining?: 'unbumped' | 'any';
  /** `late`: a tag that the factory named carries its version of afterwards. */
  readonly named?: 'known before' | 'late';
  /** `once`: what differs from the version that is known here is gone, and L2 is not asked. */
  readonly mismatch?: 'asked' | 'gone';
  /** `any`: what is there is in the way of setIfAbsent, increment and expire though it was invalidated. */
  readonly standing?: 'judged' | 'any';
  /** `stale`: whatever is invalidated by tag or cleared may still stand in. */
  readonly hard?: 'gone' | 'stale';
}

export function changeServer({ bump, making, version, hard }: LabelMechanisms, server: SharedServer): void {
  if (bump === 'unheard') {
    const publish = server.publish.bind(server);
    server.publish = (message) => {
      if (!message.includes('","l",')) publish(message);
    };
  }
  if (making === 'silent') {
    const current = server.current.bind(server);
    server.current = (labels) => ({ ...current(labels), made: false });
  }
  if (version === 'counted') {
    const next = (label: string) => String(Number(server.versions.get(label) ?? 0) + 1);
    server.bump = (labels) => {
      for (const label of labels) server.versions.set(label, next(label));
    };
    server.current = (labels) => {
      const made = labels.some((label) => !server.versions.has(label));
      for (const label of labels) if (!server.versions.has(label)) server.versions.set(label, next(label));
      return { versions: labels.map((label) => server.versions.get(label) as string), made };
    };
  }
  if (hard === 'stale') {
    const softly = server.bump.bind(server);
    server.bump = (labels) => softly(labels, true);
  }
}

export function changeProcess(
  mechanisms: LabelMechanisms,
  { core, l2 }: Pick<WorldProcess, 'core' | 'l2'>,
  server: SharedServer,
): void {
  const { labels, trust, local } = core;
  if (mechanisms.versionFence === 'off') ofEach(core, { changes: () => 0 });
  if (mechanisms.generation === 'off') {
    ofEach(core, { generation: () => 0 });
    local.clear = () => undefined;
  }
  if (mechanisms.versionTrust === 'always') ofEach(core, { epoch: () => trust.serving });
  if (mechanisms.joining === 'any') fixed(labels, 'bumps', () => 0);
  if (mechanisms.named === 'late') fixed(labels, 'learnt', () => Number.POSITIVE_INFINITY);
  if (mechanisms.tagsOfCopies === 'off') {
    const put = local.put.bind(local);
    local.put = (key, copy) => put(key, { ...copy, known: undefined });
  }
  if (mechanisms.snapshot === 'after') {
    const { fill } = l2.leases;
    const now = (key: string, entry: Entry): Entry => {
      const spaces = labels.spacesOf(key, entry.versions.length - entry.tags.length);
      const names = [...spaces, ...entry.tags.map((tag) => labels.tag(tag))].map(({ label }) => label);
      return { ...entry, versions: server.current(names).versions };
    };
    const filled: typeof fill = (key, token, entry, deadline) => fill(key, token, now(key, entry), deadline);
    Object.assign(l2.leases, { fill: filled });
  }
  if (mechanisms.standing === 'any') {
    const { writeIfAbsent, increment, expire } = l2;
    const any = { versions: [], counts: () => Promise.resolve(true) };
    l2.writeIfAbsent = (key, entry, deadline) => writeIfAbsent(key, entry, deadline, any);
    l2.increment = (key, by, initial, deadline) => increment(key, by, initial, deadline, any);
    l2.expire = (key, freshUntil, deadline) => expire(key, freshUntil, deadline, any);
  }
  if (mechanisms.mismatch === 'gone') {
    const { current } = l2.versions;
    Object.assign(l2.versions, {
      async current(...[names, lasting, deadline]: Parameters<typeof current>) {
        const known = names.map((label) => (label.startsWith('t') ? labels.tag(label.slice(1)) : labels.space(label.slice(1))));
        if (!known.every(({ version }) => version !== undefined)) return current(names, lasting, deadline);
        return known.map(({ version, until }) => ({ version: version as string, until }));
      },
    });
  }
}

/** Of all that is known of labels, from now on. */
function ofEach({ labels }: Core, values: Partial<Record<string, () => unknown>>): void {
  const changed = new WeakSet<KnownLabel>();
  const change = <Known extends KnownLabel>(known: Known): Known => {
    if (changed.has(known)) return known;
    changed.add(known);
    for (const [name, get] of Object.entries(values)) if (get !== undefined) fixed(known, name, get);
    return known;
  };
  change(labels.root);
  const { tag, space } = labels;
  labels.tag = (name) => change(tag.call(labels, name));
  labels.space = (prefix) => change(space.call(labels, prefix));
}

function fixed(object: object, name: string, get: () => unknown): void {
  Object.defineProperty(object, name, { get, set() {}, configurable: true });
}
