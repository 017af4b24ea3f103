import { defineScript } from './script.js';

/**
 * The protocol's server side. Each script is atomic, its keys share one slot (KEYS[1] entry, KEYS[2] lease; more such pairs where a
 * script takes many), and none is ever sent twice. A script that stores something carries a deadline on the server's clock after which it does nothing and answers
 * {LATE, time}: a write whose reply was lost may otherwise be executed after a newer one, when a frozen server wakes.
 *
 * What tells other processes ends its arguments with a channel ('' for none) and a message, which is published after the change and
 * in the same step: told before, somebody could read the old value after it obeyed, and told later, a process that dies between would
 * leave old copies.
 */
export const LATE = -1;

/* Each script defines only what it uses: what is defined is made anew for every call, which takes the server a microsecond. */

const announcing = `
local function announce()
  if ARGV[#ARGV - 1] ~= '' then redis.call('PUBLISH', ARGV[#ARGV - 1], ARGV[#ARGV]) end
end
`;

/** "<token> <stamp of the entry then>", and " w" once another loader was turned away. */
const leaseText = `
local function leaseAt(key)
  local text = redis.call('GET', key)
  if not text then return nil end
  local token, base, mark = string.match(text, '^(%S+) (%S*)(.*)$')
  return token, base, mark == ' w'
end
`;

const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function late(deadline) return now > tonumber(deadline) end
`;

// tk1 <stamp> <codec> <createdAt> <freshUntil> <expiresAt> <cost>…
const stamps = `
local function stampIn(bytes)
  if not bytes or bytes == '' then return '' end
  return string.match(bytes, '^tk%d+ (%S+)') or '?'
end
`;

const freshness = `
local function isFresh(bytes)
  if not bytes then return false end
  local fresh = string.match(bytes, '^tk1 %S+ %S+ %S+ (%S+)')
  if not fresh then return true end
  return fresh == '-' or tonumber(fresh) > now
end
`;

// Out of memory must not leave the old value standing: whoever reads it would take it for the new one.
const storing = `
local function store(entry, lease, bytes, px)
  local reply
  if px == '-' then reply = redis.pcall('SET', entry, bytes)
  else reply = redis.pcall('SET', entry, bytes, 'PX', px) end
  redis.call('DEL', lease)
  if reply.err then redis.call('UNLINK', entry) return reply end
  return 1
end
`;

/**
 * KEYS: pairs. ARGV: deadline, then bytes and px for each pair. Stores the entries and voids the leases, so that a load that began
 * before stores nothing.
 */
export const writeScript = defineScript(
  'write',
  `${clock}${storing}${announcing}
if late(ARGV[1]) then return {${LATE}, now} end
local answer = 1
for i = 1, #KEYS, 2 do
  local stored = store(KEYS[i], KEYS[i + 1], ARGV[i + 1], ARGV[i + 2])
  if stored ~= 1 then answer = stored end
end
announce()
return answer`,
);

/** ARGV: bytes, px, deadline. As write, unless a fresh entry is there. */
export const writeIfAbsentScript = defineScript(
  'writeIfAbsent',
  `${clock}${freshness}${storing}${announcing}
if late(ARGV[3]) then return {${LATE}, now} end
if isFresh(redis.call('GET', KEYS[1])) then return 0 end
local stored = store(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
announce()
return stored`,
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

/** KEYS: entry. ARGV: bytes. Removes an entry that nobody can read, unless it was replaced meanwhile. */
export const dropUnreadableScript = defineScript(
  'dropUnreadable',
  `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0`,
);

/**
 * ARGV: token, lease ms, seen stamp, deadline. Answers {0}, {1, ms left} or {2, newer entry, its stamp}. That somebody was turned away
 * is noted in the lease, for whoever gives it back.
 */
export const loadScript = defineScript(
  'load',
  `${clock}${stamps}${leaseText}
if late(ARGV[4]) then return {${LATE}, now} end
local bytes = redis.call('GET', KEYS[1])
local stamp = stampIn(bytes)
if bytes and stamp ~= ARGV[3] then return {2, bytes, stamp} end
local token, _, waited = leaseAt(KEYS[2])
if token then
  if not waited then redis.call('APPEND', KEYS[2], ' w') end
  return {1, redis.call('PTTL', KEYS[2])}
end
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. stamp, 'PX', ARGV[2])
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
 * ARGV: token, bytes, px. Stores only if the lease still holds the token and the entry is the one seen when it was taken: a plain
 * DEL by another program removes the entry but not the lease.
 */
export const fillScript = defineScript(
  'fill',
  `${stamps}${storing}${leaseText}${announcing}
local token, base, waited = leaseAt(KEYS[2])
if token ~= ARGV[1] then return 0 end
if stampIn(redis.call('GETRANGE', KEYS[1], 0, 63)) ~= base then
  redis.call('DEL', KEYS[2])
  if waited then announce() end
  return 0
end
local stored = store(KEYS[1], KEYS[2], ARGV[2], ARGV[3])
announce()
return stored`,
);

/** KEYS: lease, alone. ARGV: token. Whoever waits for the lease is woken; if nobody does, nobody is told. */
export const releaseScript = defineScript(
  'release',
  `${leaseText}${announcing}
local token, _, waited = leaseAt(KEYS[1])
if token ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if waited then announce() end
return 1`,
);

/** ARGV: freshUntil (server's clock, or '-'), new stamp, deadline. Only the header changes; the payload never leaves the server. */
export const expireScript = defineScript(
  'expire',
  `${clock}${freshness}${storing}${announcing}
if late(ARGV[3]) then return {${LATE}, now} end
local bytes = redis.call('GET', KEYS[1])
if not bytes or not isFresh(bytes) then return 0 end
local eol = string.find(bytes, '\\n', 1, true)
if not eol then return 0 end
local codec, created, fresh, expires, rest =
  string.match(string.sub(bytes, 1, eol - 1), '^tk1 %S+ (%S+) (%S+) (%S+) (%S+)(.*)$')
if not codec then return 0 end
local ends = '-'
if ARGV[1] ~= '-' and (expires ~= '-' or fresh == '-') then
  local grace = 0
  if expires ~= '-' then grace = expires - fresh end
  ends = string.format('%.0f', ARGV[1] + grace)
end
local px = '-'
if ends ~= '-' then px = string.format('%.0f', math.max(1, ends - now)) end
local header = table.concat({'tk1', ARGV[2], codec, created, ARGV[1], ends}, ' ') .. rest
local stored = store(KEYS[1], KEYS[2], header .. string.sub(bytes, eol), px)
announce()
return stored`,
);

/**
 * ARGV: new stamp, deadline. A fresh entry becomes stale where it is, one without grace goes. The lease goes in any case, and everybody is
 * told: an entry that Redis evicted may be fresh in another process.
 */
export const softenScript = defineScript(
  'soften',
  `${clock}${freshness}${announcing}
if late(ARGV[2]) then return {${LATE}, now} end
redis.call('DEL', KEYS[2])
local bytes = redis.call('GET', KEYS[1])
local eol = bytes and string.find(bytes, '\n', 1, true)
if eol and isFresh(bytes) then
  local codec, created, fresh, expires, rest =
    string.match(string.sub(bytes, 1, eol - 1), '^tk1 %S+ (%S+) (%S+) (%S+) (%S+)(.*)$')
  local reply
  if codec and fresh ~= expires then
    local header = table.concat({'tk1', ARGV[1], codec, created, string.format('%.0f', now), expires}, ' ') .. rest
    reply = redis.pcall('SET', KEYS[1], header .. string.sub(bytes, eol), 'KEEPTTL')
  end
  if not reply or reply.err then redis.call('UNLINK', KEYS[1]) end
end
announce()
if bytes then return 1 end
return 0`,
);

/**
 * ARGV: by, initial bytes, initial px, new stamp, deadline. Answers the sum as text, since a number reply would lose its fraction.
 * The life of a counter that exists is kept.
 */
export const incrementScript = defineScript(
  'increment',
  `${clock}${freshness}${storing}${announcing}
if late(ARGV[5]) then return {${LATE}, now} end
local bytes = redis.call('GET', KEYS[1])
if not bytes or not isFresh(bytes) then
  local stored = store(KEYS[1], KEYS[2], ARGV[2], ARGV[3])
  announce()
  if stored ~= 1 then return stored end
  return ARGV[1]
end
local eol = string.find(bytes, '\\n', 1, true)
local rest = eol and string.match(string.sub(bytes, 1, eol - 1), '^tk1 %S+ (json .*)$')
local payload = rest and string.sub(bytes, eol + 1)
if not payload or not string.match(payload, '^%-?%d[%d%.eE+-]*$') then
  return redis.error_reply('TKNOTNUMBER the value is no number')
end
local sum = tonumber(payload) + tonumber(ARGV[1])
if sum ~= sum or sum == math.huge or sum == -math.huge then
  return redis.error_reply('TKNOTNUMBER the sum is no finite number')
end
local text = string.format('%.17g', sum)
if sum == math.floor(sum) and math.abs(sum) < 1e15 then text = string.format('%.0f', sum) end
local reply = redis.pcall('SET', KEYS[1], 'tk1 ' .. ARGV[4] .. ' ' .. rest .. '\\n' .. text, 'KEEPTTL')
redis.call('DEL', KEYS[2])
announce()
if reply.err then return reply end
return text`,
);
