/**
 * A step that the protocol of coherence cannot do without, and the tests that fail when it is left out. Words and reasons:
 * docs/coherence.md. A race is named as in the lists of races, any other test by its file and its title.
 */
export interface Step {
  readonly step: string;
  readonly races?: readonly string[];
  readonly tests?: readonly (readonly [file: string, title: string])[];
}

const leases: readonly Step[] = [
  {
    step: 'a token is asked for once only: asked again, it would bring a voided lease back to life',
    tests: [['tiers/lease.test.ts', 'cannot come to life again: whoever takes it next has another token']],
  },
  {
    step: 'set and delete void the lease, and a fill needs it',
    races: ['R1: another process sets while the factory runs', 'R1: another process deletes while the factory runs'],
    tests: [['tiers/lease.test.ts', 'is not renewed any more once it is lost, and its fill is refused']],
  },
  {
    step: 'a fill needs the entry that was seen when the lease was taken: a plain DEL leaves the lease alone',
    tests: [
      ['tiers/redis-races.test.ts', 'a plain DEL beats a load of what was there'],
      ['tiers/redis-writes.test.ts', 'makes it another entry, so that a load which saw the old one cannot fill'],
    ],
  },
  {
    step: 'the server refuses what comes after its deadline',
    tests: [
      ['tiers/redis-writes.test.ts', 'does nothing, so that a newer delete stands'],
      ['tiers/redis-writes.test.ts', 'would undo the delete if its deadline were not the server’s to judge'],
    ],
  },
  {
    step: 'no command is sent twice',
    tests: [
      ['backends/redis/outages.test.ts', 'never runs a command twice: an INCR in flight when the connection is cut'],
      ['backends/redis/cluster/cut-links.test.ts', 'fail what was in flight, which is never sent again, and come back'],
      ['backends/redis/user-client.test.ts', 'does not bring in its own settings: nothing runs twice, nothing waits offline'],
    ],
  },
  {
    step: 'the message goes out after the write',
    races: ['R4: another process reads between the message and the write'],
  },
  {
    step: 'deletePattern takes leases too, and before entries',
    tests: [
      ['tiers/redis-races.test.ts', '%s finds its lease, though there is no entry yet'],
      [
        'backends/redis/store/remove-matching.test.ts',
        'looks for leases first, so that a fill between its two looks is refused',
      ],
    ],
  },
  {
    step: 'where the memory of Redis is full no old value stays',
    tests: [
      ['tiers/redis-writes.test.ts', 'a set leaves no old value behind, and is kept here for a while'],
      ['tiers/redis-writes.test.ts', 'a fill leaves neither old value nor lease behind'],
    ],
  },
  {
    step: 'a lease is taken over only when it is gone, and waits within a factory end',
    tests: [
      ['tiers/lease.test.ts', 'a slow factory whose process lives is never taken over from'],
      ['tiers/lease.test.ts', 'a process that died is taken over from when its lease ends, not before'],
      ['tiers/hard-timeout.test.ts', 'two that need each other’s key do too, here and across processes'],
    ],
  },
  {
    step: 'who waits for a lease listens before it asks',
    tests: [['coherence/peers.test.ts', 'which would wait for the next look, if it registered only after the answer']],
  },
  {
    step: 'what another version wrote is left alone, and what is corrupt removed by comparison',
    tests: [
      ['tiers/redis-races.test.ts', 'of another version: a miss that is left alone'],
      ['tiers/redis-races.test.ts', 'corrupt, and replaced before it was removed: the new one stays'],
    ],
  },
  {
    step: 'while a slot moves a set becomes a delete, and loads store nothing',
    tests: [
      [
        'backends/redis/cluster/moving-store.test.ts',
        'turns a write into a removal, so that no reader takes the old value for the new one',
      ],
      ['backends/redis/cluster/moving-store.test.ts', 'lets loads run without a lease, and keeps nothing of what they make'],
    ],
  },
];

const fence: readonly Step[] = [
  {
    step: 'a load that was overtaken takes no new joiners',
    races: [
      'R1: a caller after the delete would join the load from before it',
      'R1: a caller after another process’s delete would join the load from before it',
    ],
  },
  {
    step: 'an own delete marks at its reply too',
    tests: [['tiers/refill-race.test.ts', 'is gone when that is acknowledged']],
  },
  {
    step: 'an own set marks the others at its end, and is itself kept only unmarked',
    races: [
      'R8: two sets, acknowledged in the other order',
      'R8: a set acknowledged after the increment that followed it',
      'R5: the message of a newer set comes before the reply of the own, older one',
    ],
    tests: [['tiers/refill-race.test.ts', 'overtaken by $name']],
  },
  {
    step: 'reads are fenced',
    races: ['R2: get refills L1 while the key is deleted', 'R2: delete by another process while a read is under way'],
  },
  {
    step: 'fills are fenced',
    races: [
      'R1: deleted after the fill was executed and before it was acknowledged',
      'R1: another process deletes after the fill was executed and before it was acknowledged',
    ],
  },
  {
    step: 'sets are fenced',
    races: ['R5: the message of a newer set comes before the reply of the own, older one'],
  },
  {
    step: 'own writes settle memory by an error or a time-out too',
    tests: [['tiers/outage.test.ts', '%s of unknown outcome leaves nothing old in memory']],
  },
  {
    step: 'a stale value that was read before an invalidation stands in for nothing after it',
    tests: [
      ['tiers/stale.test.ts', 'what was deleted before the factory began is not shown to it'],
      [
        'tiers/stale.test.ts',
        'a stale value that was deleted while its load waited for the lease does not stand in for those who come later',
      ],
    ],
  },
];

const tags: readonly Step[] = [
  {
    step: 'versions are noted before the factory runs',
    races: ['R7: invalidateTags by another while the factory runs', 'R7: clear by another while the factory runs'],
  },
  {
    step: 'news of a tag marks what used its version',
    races: [
      'R7: invalidateTags by another before the fill is acknowledged',
      'invalidateTags by another while a set is under way',
      'R7: a caller after invalidateTags by another would join the load from before it',
    ],
  },
  {
    step: 'news of a clear marks what is under way in its namespace',
    races: [
      'R7: clear of its namespace by another before the fill is acknowledged',
      'clear of the outer namespace by another while a setMany is under way',
      'R7: a caller after clear of its namespace by another would join the load from before it',
    ],
  },
  {
    step: 'the reading of a version is fenced like any other',
    races: ['invalidateTags by another while the versions are read that a get needs'],
  },
  {
    step: 'a version that was read while nothing could be trusted is not kept to judge by',
    races: ['R3: the versions were read before invalidateTags, while nothing could be trusted'],
  },
  {
    step: 'tags that the factory names take only versions known since before the load',
    races: [
      'R7: a tag that the factory names, known before, is invalidated by another and learnt again while it runs',
      'R7: a tag that the factory names, not known before, is invalidated by another and learnt again while it runs',
    ],
  },
  {
    step: 'a version is unique for ever',
    races: ['R9: the version of invalidateTags is lost, and made anew', 'R9: the version of clear is lost, and made anew'],
    tests: [
      ['backends/redis/store/versions.test.ts', 'that were lost are made anew, never what they were'],
      ['backends/redis/store/versions.test.ts', 'are unique also where one call is executed twice'],
      [
        'tiers/redis-tags-lost.test.ts',
        'Redis killed and restarted empty: nothing from before comes back, and tags and clear work',
      ],
    ],
  },
  {
    step: 'who makes a missing version tells of it',
    races: ['R9: who makes it anew tells the others, so that what they write counts'],
  },
  {
    step: 'what differs from the version known here is looked into once',
    races: ['an entry that is newer than the version known here is served, not missed: invalidateTags'],
  },
  {
    step: 'hard takes the stale copies too',
    races: [
      'what is invalidated hard, after softly stands in for nothing',
      'what is invalidated softly, after hard stands in for nothing',
    ],
  },
  {
    step: 'what was cleared or invalidated by tag is absent for setIfAbsent, increment and expire',
    races: [
      'setIfAbsent after clear by another takes what was there for absent',
      'increment after invalidateTags by another takes what was there for absent',
      'expire after clear of its namespace by another takes what was there for absent',
    ],
    tests: [['tiers/redis-tags-lost.test.ts', 'without a bus atomic operations see a clear elsewhere at once']],
  },
];

const trust: readonly Step[] = [
  {
    step: 'the epoch moves on when the bus is lost or regained',
    races: [
      'R3: the message is lost while the bus is cut, and the read comes after it stands again',
      'R3: invalidateTags is not heard, the bus being cut, and is read when it stands again',
      'R3: clear of its namespace is not heard, the bus being cut, and is read when it stands again',
    ],
  },
  {
    step: 'a copy carries the epoch in which its operation began',
    races: ['R3: a read that began before the cut is stored after the bus stands again'],
  },
  {
    step: 'a proof that was asked for before the cut proves nothing after it',
    tests: [['coherence/peers.test.ts', 'a proof that was asked for before the cut proves nothing after it']],
  },
  {
    step: 'a load from before a loss of trust is not joined for ever',
    races: ['a load from before the cut is not joined later than maxStaleness after it began'],
  },
  {
    step: 'a PING alone proves nothing: a write that is refused ends trust',
    races: ['within maxStaleness it is noticed that the bus is readOnly'],
    tests: [
      [
        'coherence/sentinel.test.ts',
        'a master that was demoted, answers and keeps what it had is left in time, even if no Sentinel tells',
      ],
      [
        'backends/redis/cluster/probe.test.ts',
        'fails at a master that is cut off from the others and does not know that it was replaced, over every library',
      ],
    ],
  },
  {
    step: 'a silent connection ends trust',
    races: [
      'within maxStaleness it is noticed that the bus is deaf',
      'R3: within maxStaleness it is noticed that the bus is deaf to clear',
    ],
  },
  {
    step: 'on a Cluster every master is listened to, and all of them are proved',
    tests: [
      ['backends/redis/cluster/pub-sub.test.ts', 'subscribes at every master, and hears what is published at any'],
      ['backends/redis/cluster/probe.test.ts', 'fails when one master takes no writes'],
      ['coherence/cluster.test.ts', 'one of which has a half-open subscriber at one master: trust ends in time and comes'],
      ['coherence/tracking-cluster.test.ts', 'hears of every key, at whichever master it is changed'],
    ],
  },
  {
    step: 'a slot that moves is heard where it went',
    tests: [['coherence/tracking-cluster.test.ts', 'a slot that moves to another master is heard there']],
  },
  {
    step: 'a message of a later version ends trust in what is there',
    tests: [['coherence/peers.test.ts', 'after a message of a later version everything is verified, once']],
  },
  {
    step: 'tracking: own writes leave L1 empty, and deletes of what was not there are told',
    tests: [
      ['coherence/tracking.test.ts', 'an own write leaves L1 empty, and the next read fills it'],
      ['coherence/tracking.test.ts', 'hears Tierkeep without L1, and of deletes of what was not there'],
      ['coherence/tracking-races.test.ts', 'stores nothing where there was nothing either, if the lease is deleted too'],
    ],
  },
  {
    step: 'clocks decide of freshness only',
    tests: [['backends/redis/clock-step.test.ts', 'goes on writing what the others read right']],
  },
];

const journal: readonly Step[] = [
  {
    step: 'what is in the journal is not read from L2, nor by the trial of a circuit, nor while the circuit is closed',
    races: [
      'get after a delete that L2 has not heard of',
      'getMany after a delete that L2 has not heard of',
      'getOrSet after a delete that L2 has not heard of',
      'the lease after a delete that L2 has not heard of',
      'get after invalidateTags that L2 has not heard of',
      'get after clear of the outer namespace that L2 has not heard of',
      'a read when the circuit is tried, after a delete while it was open',
    ],
  },
  {
    step: 'a set is replayed as a delete, unless what is there is our own write',
    races: [
      'a set that never arrived, and a newer one by another process',
      'a set that never arrived, over an older value',
      'a set that arrived, and its answer did not',
    ],
  },
  {
    step: 'the names in the journal have generations, so that a drain forgets no newer intent',
    races: [
      'a delete that L2 has not heard of, while a set from before it is told again',
      'a delete that L2 has not heard of, after another one is told again and before that is answered',
      'a delete that L2 has not heard of, while an older one is answered late',
      'invalidateTags that L2 has not heard of, after another is told again and before that is answered',
    ],
  },
  {
    step: 'what was acknowledged shortly before a fail-over is told again after it',
    races: [
      'delete that the new master has not',
      'set that the new master has not',
      'invalidateTags that the new master has not',
      'clear that the new master has not',
      'a read by the same process, before the new master is told what it has not',
      'a delete that the old master answers when the new one serves already',
    ],
  },
];

const sources: readonly Step[] = [
  {
    step: 'write-through: the lease is taken before the source is written, or what is cached is deleted after it',
    races: [
      'R10: two writers, the later of which the source heard while the earlier had yet to fill',
      'R10: a loader that read the source before it was written fills after that',
    ],
  },
  {
    step: 'write-through: a refused fill deletes',
    tests: [['tiers/write-through.test.ts', 'would stay if the refused fill did not delete']],
  },
  {
    step: 'write-through: in memory alone the fence does it',
    races: [
      'R10: in memory alone a load that read the source before it was written ends after that',
      'R10: in memory alone two writers are answered in the other order than the source heard them',
    ],
  },
];

export const steps: readonly Step[] = [...leases, ...fence, ...tags, ...trust, ...journal, ...sources];
