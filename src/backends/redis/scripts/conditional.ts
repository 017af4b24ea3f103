import { defineScript, LATE } from '../script.js';
import { announcing, clock, freshness, judging, partsOfEntry, storing } from './fragments.js';

/** ARGV: deadline, when it is sent, bytes, px. As write, unless a fresh entry is there that counts. */
export const writeIfAbsentScript = defineScript(
  'writeIfAbsent',
  `${clock}${freshness}${judging}${storing}${announcing}
if late(ARGV[1]) then return {${LATE}, now} end
local bytes = redis.call('GET', KEYS[1])
local counts = countsAt(bytes)
if counts == nil then return asking(bytes) end
if counts then return 0 end
local stored = store(KEYS[1], ARGV[3], ARGV[4], ARGV[2])
redis.call('DEL', KEYS[2])
announce()
return stored`,
);

/** ARGV: deadline, freshUntil (server's clock, or '-'), new stamp. Only the header changes; the payload never leaves the server. */
export const expireScript = defineScript(
  'expire',
  `${clock}${freshness}${judging}${partsOfEntry}${storing}${announcing}
if late(ARGV[1]) then return {${LATE}, now} end
local bytes = redis.call('GET', KEYS[1])
local counts = countsAt(bytes)
if counts == nil then return asking(bytes) end
if not counts then return 0 end
local codec, created, fresh, expires, rest, payload = partsOf(bytes)
if not codec then return 0 end
local ends = '-'
if ARGV[2] ~= '-' and (expires ~= '-' or fresh == '-') then
  local grace = 0
  if expires ~= '-' then grace = expires - fresh end
  ends = string.format('%.0f', ARGV[2] + grace)
end
local px = '-'
if ends ~= '-' then px = math.max(1, ends - now) end
local header = table.concat({'tk1', ARGV[3], codec, created, ARGV[2], ends}, ' ')
local stored = store(KEYS[1], header .. rest .. payload, px, now)
redis.call('DEL', KEYS[2])
announce()
return stored`,
);

/**
 * ARGV: deadline, when it is sent, initial bytes, initial px, by, new stamp. Answers the sum as text, since a number reply would lose its
 * fraction. The life of a counter that exists is kept.
 */
export const incrementScript = defineScript(
  'increment',
  `${clock}${freshness}${judging}${storing}${announcing}
if late(ARGV[1]) then return {${LATE}, now} end
local bytes = redis.call('GET', KEYS[1])
local counts = countsAt(bytes)
if counts == nil then return asking(bytes) end
if not counts then
  local stored = store(KEYS[1], ARGV[3], ARGV[4], ARGV[2])
  redis.call('DEL', KEYS[2])
  announce()
  if stored ~= 1 then return stored end
  return ARGV[5]
end
local eol = string.find(bytes, '\\n', 1, true)
local rest = eol and string.match(string.sub(bytes, 1, eol - 1), '^tk1 %S+ (json .*)$')
local payload = rest and string.sub(bytes, eol + 1)
if not payload or not string.match(payload, '^%-?%d[%d%.eE+-]*$') then
  return redis.error_reply('TKNOTNUMBER the value is no number')
end
local sum = tonumber(payload) + tonumber(ARGV[5])
if sum ~= sum or sum == math.huge or sum == -math.huge then
  return redis.error_reply('TKNOTNUMBER the sum is no finite number')
end
local text = string.format('%.17g', sum)
if sum == math.floor(sum) and math.abs(sum) < 1e15 then text = string.format('%.0f', sum) end
local reply = redis.pcall('SET', KEYS[1], 'tk1 ' .. ARGV[6] .. ' ' .. rest .. '\\n' .. text, 'KEEPTTL')
redis.call('DEL', KEYS[2])
announce()
if reply.err then return reply end
return text`,
);
