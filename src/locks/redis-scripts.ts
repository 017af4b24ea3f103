import { defineScript, LATE } from '../backends/redis/script.js';
import { aliveMs, fenceMs, handOverMs, mostPassed } from './node.js';

/*
 * A Redis as a `LockNode`, step for step as in `memory-node.ts`, where it is easier to read. KEYS, all in one slot:
 *
 *   lock   "<token> <fence>", and " ?" while it is provisional; expires with the lock
 *   fence  the last fence
 *   line   sorted set of the tokens that wait, by ticket
 *   alive  sorted set of the processes that wait, by the ms until which they count as alive
 *
 * A process hears of its claims on the channel `<ARGV[1]><process>`: "+<token>" was handed over, "-<token>" was taken away. Redis says how many
 * subscribers heard it, so a process that is gone is passed over at once.
 */

const time = `
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
local now = math.floor(us / 1000)
`;

const lockText = `
local channels = ARGV[1]
local token, fence, provisional
local text = redis.call('GET', KEYS[1])
if text then token, fence, provisional = string.match(text, '^(%S+) (%d+)( ?%??)$') end
`;

const numbers = `
local function number(n) return string.format('%.0f', n) end
`;

/** After a SET that fails for want of memory nothing has changed: give() comes first, or after a DEL, behind which it cannot fail. */
const handing = `${numbers}
local function processOf(claim) return string.match(claim, '^[^.]+') end

local function give(claim, ms, floor, mark)
  local last = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), tonumber(fence or 0))
  local given = number(math.max(last + 1, us, floor + 1))
  redis.call('SET', KEYS[1], claim .. ' ' .. given .. mark, 'PX', ms)
  redis.call('SET', KEYS[2], given, 'PX', number(ms + ${fenceMs}))
  return {0, given}
end

local function handOver(asking, ms, floor, mark)
  local deaf = {}
  local at = 0
  for passed = 1, ${mostPassed} do
    local claim = redis.call('ZRANGE', KEYS[3], at, at)[1]
    if not claim then return nil end
    local process = processOf(claim)
    if claim == asking then
      redis.call('ZREM', KEYS[3], claim)
      return give(claim, ms, floor, mark)
    end
    if tonumber(redis.call('ZSCORE', KEYS[4], process) or 0) <= now then
      redis.call('ZREM', KEYS[3], claim)
      redis.call('ZREM', KEYS[4], process)
    elseif deaf[process] or redis.call('PUBLISH', channels .. process, '+' .. claim) == 0 then
      deaf[process] = true
      at = at + 1
    else
      redis.call('ZREM', KEYS[3], claim)
      redis.call('ZADD', KEYS[4], now + ${handOverMs}, process)
      token = claim
      give(claim, ${handOverMs}, floor, ' ?')
      return nil
    end
  end
end
`;

/** Those who wait ask far more often than once in so long; what they leave behind when all of them die goes by itself. */
const lineMs = 6 * aliveMs;

/** ARGV: channels, token, ms, floor, deadline, ticket, 1 if it waits, 1 if provisional. Answers {0, fence}, {1, ms left, ticket} or {-1, now}. */
export const askScript = defineScript(
  'lock',
  `${time}
if now > tonumber(ARGV[5]) then return {${LATE}, now} end
${lockText}${handing}
local mine, ms, floor, ticket = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6])
local waits, mark = ARGV[7] == '1', ARGV[8] == '1' and ' ?' or ''

local function stand()
  if not ticket then
    local last = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
    ticket = math.max(us, tonumber(last or 0) + 1)
  end
  redis.call('ZADD', KEYS[3], number(ticket), mine)
  redis.call('ZADD', KEYS[4], now + ${aliveMs}, processOf(mine))
  redis.call('PEXPIRE', KEYS[3], ${lineMs})
  redis.call('PEXPIRE', KEYS[4], ${lineMs})
end

if token == mine then
  local head = mark ~= '' and provisional ~= '' and ticket and redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  local first = head and tonumber(head[2])
  if not (first and (first < ticket or (first == ticket and head[1] < mine))) then
    if mark == '' then redis.call('SET', KEYS[1], mine .. ' ' .. fence, 'PX', ms)
    elseif provisional ~= '' then redis.call('PEXPIRE', KEYS[1], ms) end
    redis.call('ZREM', KEYS[3], mine)
    if waits and redis.call('EXISTS', KEYS[3]) == 1 then redis.call('ZADD', KEYS[4], now + ${aliveMs}, processOf(mine)) end
    return {0, fence}
  end
  redis.call('DEL', KEYS[1])
  token = nil
end
if not token and redis.call('EXISTS', KEYS[3]) == 0 then return give(mine, ms, floor, mark) end
if waits then stand() end
if not token then
  local granted = handOver(mine, ms, floor, mark)
  if granted then return granted end
  if not token and not waits then return give(mine, ms, floor, mark) end
end
return {1, token and redis.call('PTTL', KEYS[1]) or 0, waits and number(ticket) or ''}`,
);

/** ARGV: channels, token, fence, ms. */
export const confirmScript = defineScript(
  'confirmLock',
  `${lockText}${numbers}
if token ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[3], 'PX', ARGV[4])
local last = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), tonumber(fence), tonumber(ARGV[3]))
redis.call('SET', KEYS[2], number(last), 'PX', number(ARGV[4] + ${fenceMs}))
return 1`,
);

/** KEYS: lock, alone. ARGV: channels, token, ms, deadline: one that came late might shorten what was lengthened since. */
export const renewScript = defineScript(
  'renewLock',
  `${time}
if now > tonumber(ARGV[4]) then return {${LATE}, now} end
${lockText}
if token ~= ARGV[2] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])`,
);

/** ARGV: channels, token; with an empty one, from whoever has it. */
export const releaseScript = defineScript(
  'releaseLock',
  `${time}${lockText}${handing}
if ARGV[2] ~= '' then
  redis.call('ZREM', KEYS[3], ARGV[2])
  if token ~= ARGV[2] then return 0 end
elseif not token then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] == '' then redis.call('PUBLISH', channels .. processOf(token), '-' .. token) end
token = nil
handOver(nil, 0, 0, '')
return 1`,
);

/** Answers {holder or false, fence, ms left, how many wait}. */
export const inspectScript = defineScript(
  'inspectLock',
  `${lockText}
return {token or false, fence or '', token and redis.call('PTTL', KEYS[1]) or 0, redis.call('ZCARD', KEYS[3])}`,
);
