import { defineScript, LATE } from '../script.js';
import { announcing, clock, stamps, storing } from './fragments.js';

/**
 * "<token> <stamp of the entry then>@<when that ends by itself>", and " w" once another loader was turned away; "!<token> " where one failed
 * and nobody is to try.
 */
const leaseText = `
local function leaseAt(key)
  local text = redis.call('GET', key)
  if not text then return nil end
  local token, base, mark = string.match(text, '^(%S+) (%S*)(.*)$')
  return token, base, mark == ' w'
end
`;

/**
 * ARGV: token, lease ms, seen stamp, deadline, 1 if no failure is heeded. Answers {0}, {1, ms left}, {2, newer entry, its stamp} or
 * {3, ms of the back-off}. That somebody was turned away is noted in the lease, for whoever gives it back.
 */
export const loadScript = defineScript(
  'load',
  `${clock}${stamps}${leaseText}
if late(ARGV[4]) then return {${LATE}, now} end
local bytes = redis.call('GET', KEYS[1])
local stamp = stampIn(bytes)
if bytes and stamp ~= ARGV[3] then return {2, bytes, stamp} end
local token, _, waited = leaseAt(KEYS[2])
local failed = token and string.sub(token, 1, 1) == '!'
if failed and ARGV[5] ~= '1' then return {3, redis.call('PTTL', KEYS[2])} end
if token and not failed then
  if not waited then redis.call('APPEND', KEYS[2], ' w') end
  return {1, redis.call('PTTL', KEYS[2])}
end
local left = bytes and redis.call('PTTL', KEYS[1]) or -1
local ends = left < 0 and '' or string.format('@%.0f', now + left)
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. stamp .. ends, 'PX', ARGV[2])
return {0}`,
);

/** KEYS: lease, alone, so that it works while the slot moves. ARGV: token, lease ms. */
export const renewScript = defineScript(
  'renew',
  `
local lease = redis.call('GET', KEYS[1])
if not lease or string.match(lease, '^%S+') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
);

/**
 * ARGV: token, when it is sent, bytes, px. Stores only if the lease still holds the token and the entry is the one seen when it was taken:
 * a plain DEL by another program removes the entry but not the lease. An entry whose own end came meanwhile is no such thing: a refresh
 * that begins early or with a stale value often outlasts it.
 */
export const fillScript = defineScript(
  'fill',
  `${clock}${stamps}${storing}${leaseText}${announcing}
local token, base, waited = leaseAt(KEYS[2])
if token ~= ARGV[1] then return 0 end
local seen, ends = string.match(base, '^(.*)@(%d+)$')
local present = stampIn(redis.call('GETRANGE', KEYS[1], 0, 63))
local hasEnded = present == '' and ends and tonumber(ends) <= now
if present ~= (seen or base) and not hasEnded then
  redis.call('DEL', KEYS[2])
  if waited then announce() end
  return 0
end
local stored = store(KEYS[1], ARGV[3], ARGV[4], ARGV[2])
redis.call('DEL', KEYS[2])
announce()
return stored`,
);

/**
 * KEYS: lease, alone. ARGV: token, ms of the back-off ('' unless the factory failed), 1 if that is left even though nobody waits.
 * Whoever waits for the lease is woken; if nobody does, nobody is told.
 */
export const releaseScript = defineScript(
  'release',
  `${leaseText}${announcing}
local token, _, waited = leaseAt(KEYS[1])
if token ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' and (waited or ARGV[3] == '1') then redis.call('SET', KEYS[1], '!' .. token .. ' ', 'PX', ARGV[2])
else redis.call('DEL', KEYS[1]) end
if waited then announce() end
return 1`,
);
