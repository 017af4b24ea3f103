import { defineScript, LATE } from '../script.js';
import { announcing, clock, freshness, partsOfEntry, stamps, storing } from './fragments.js';

/**
 * KEYS: pairs. ARGV: deadline, when it is sent, then bytes and px for each pair. Stores the entries and voids the leases, so that a load
 * that began before stores nothing.
 */
export const writeScript = defineScript(
  'write',
  `${clock}${storing}${announcing}
if late(ARGV[1]) then return {${LATE}, now} end
local answer = store(KEYS[1], ARGV[3], ARGV[4], ARGV[2])
if #KEYS == 2 then
  redis.call('DEL', KEYS[2])
else
  local leases = {KEYS[2]}
  for i = 3, #KEYS, 2 do
    local stored = store(KEYS[i], ARGV[i + 2], ARGV[i + 3], ARGV[2])
    if stored ~= 1 then answer = stored end
    leases[#leases + 1] = KEYS[i + 1]
  end
  redis.call('DEL', unpack(leases))
end
announce()
return answer`,
);

/**
 * KEYS: pairs. Removes entries and leases; answers how many entries there were. Harmless whenever it runs, so it needs no deadline.
 * It tells even if nothing was there: an entry that Redis evicted may live on in another process.
 */
export const removeScript = defineScript(
  'remove',
  `${announcing}
local removed = 0
for i = 1, #KEYS, 2 do
  redis.call('DEL', KEYS[i + 1])
  removed = removed + redis.call('UNLINK', KEYS[i])
end
announce()
return removed`,
);

/** A header's first fields, and no more of what may be a large value. */
const enoughForStamp = 63;

/**
 * KEYS: pairs. ARGV: a stamp for each pair, '' for none. As {@link removeScript}, but an entry with just that stamp stays, and the lease of
 * somebody who replaces it. Answers how many there were.
 */
export const retractScript = defineScript(
  'retract',
  `${stamps}${announcing}
local removed = 0
for i = 1, #KEYS, 2 do
  local keep = ARGV[(i + 1) / 2]
  local head = keep ~= '' and redis.pcall('GETRANGE', KEYS[i], 0, ${enoughForStamp})
  if type(head) ~= 'string' or stampIn(head) ~= keep then
    redis.call('DEL', KEYS[i + 1])
    removed = removed + redis.call('UNLINK', KEYS[i])
  end
end
announce()
return removed`,
);

/** KEYS: entry. ARGV: bytes. Removes an entry that nobody can read, unless it was replaced meanwhile. */
export const dropUnreadableScript = defineScript(
  'dropUnreadable',
  `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0`,
);

/** How long ago it became stale is said to be, ms: clocks agree to within a round trip, and one that lags would still take it for fresh. */
const surelyPast = 60_000;

/**
 * ARGV: deadline, new stamp. A fresh entry becomes stale where it is, one without grace or that nobody can read goes. The lease goes in any
 * case, and everybody is told: an entry that Redis evicted may be fresh in another process.
 */
export const softenScript = defineScript(
  'soften',
  `${clock}${freshness}${partsOfEntry}${announcing}
if late(ARGV[1]) then return {${LATE}, now} end
redis.call('DEL', KEYS[2])
local bytes = redis.call('GET', KEYS[1])
if isFresh(bytes) then
  local codec, created, fresh, expires, rest, payload = partsOf(bytes)
  local reply
  if codec and fresh ~= expires then
    local header = table.concat({'tk1', ARGV[2], codec, created, string.format('%.0f', now - ${surelyPast}), expires}, ' ')
    reply = redis.pcall('SET', KEYS[1], header .. rest .. payload, 'KEEPTTL')
  end
  if not reply or reply.err then redis.call('UNLINK', KEYS[1]) end
end
announce()
if bytes then return 1 end
return 0`,
);
