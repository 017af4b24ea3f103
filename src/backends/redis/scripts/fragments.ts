/*
 * The protocol's server side. Each script is atomic, its keys share one slot, and none is ever sent twice. A script that stores an entry
 * carries a deadline on the server's clock after which it does nothing and answers {LATE, time}: a write whose reply was lost may
 * otherwise be executed after a newer one, when a frozen server wakes.
 *
 * What tells other processes ends its arguments with a channel ('' for none) and a message, which is published after the change and
 * in the same step: told before, somebody could read the old value after it obeyed, and told later, a process that dies between would
 * leave old copies.
 *
 * Where nothing else is said the keys are the entry and its lease. Each script defines only what it uses: what is defined is made anew for
 * every call, which takes the server a microsecond.
 */

export const ASK = -2;

export const announcing = `
local function announce()
  if ARGV[#ARGV - 1] ~= '' then redis.call('PUBLISH', ARGV[#ARGV - 1], ARGV[#ARGV]) end
end
`;

export const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function late(deadline) return now > tonumber(deadline) end
`;

// tk1 <stamp> <codec> <createdAt> <freshUntil> <expiresAt> <cost>…
export const stamps = `
local function stampIn(bytes)
  if not bytes or bytes == '' then return '' end
  return string.match(bytes, '^tk%d+ (%S+)') or '?'
end
`;

export const freshness = `
local function isFresh(bytes)
  if not bytes then return false end
  local fresh = string.match(bytes, '^tk1 %S+ %S+ %S+ (%S+)')
  if not fresh then return true end
  local ends = tonumber(fresh)
  return not ends or ends > now
end
`;

/**
 * Before channel and message stand what its namespaces' versions look like in the header of an entry that counts, and what those fields are
 * like of which the caller has said whether it does. Of any other one it has to be asked: {ASK, header} is answered, and nothing done. What
 * is no entry that this version can read is there, whatever it is.
 */
export const judging = `
local function countsAt(bytes)
  if not isFresh(bytes) then return false end
  local fields = string.match(bytes, '^tk1 %S+ %S+ %S+ %S+ %S+ %S+([^\\n]*)\\n')
  if not fields then return true end
  if ARGV[#ARGV - 2] ~= '' and fields == ARGV[#ARGV - 3] then return ARGV[#ARGV - 2] == '1' end
  if fields == ARGV[#ARGV - 4] then return true end
  return nil
end

local function asking(bytes) return {${ASK}, string.match(bytes, '^[^\\n]*\\n')} end
`;

/** The codec, the three times, the rest of the header's line, and the payload from the line feed on; nothing for what is no entry. */
export const partsOfEntry = `
local function partsOf(bytes)
  local eol = string.find(bytes, '\\n', 1, true)
  local codec, created, fresh, expires, rest =
    string.match(string.sub(bytes, 1, (eol or 1) - 1), '^tk1 %S+ (%S+) (%S+) (%S+) (%S+)(.*)$')
  if not codec then return nil end
  return codec, created, fresh, expires, rest, string.sub(bytes, eol)
end
`;

// Out of memory must not leave the old value standing: whoever reads it would take it for the new one. What arrives later than it was
// sent has less of its life left; where our idea of the server's clock was wrong its life is at least no longer. What is written together
// mostly has one life, and to turn a number into an argument takes as long as a small command.
export const storing = `
local asked, left
local function store(entry, bytes, px, sent)
  local reply
  if px == '-' then
    reply = redis.pcall('SET', entry, bytes)
  else
    if px ~= asked then
      asked, left = px, px
      local behind = now - sent
      if behind > 0 then left = string.format('%.0f', math.max(1, px - behind)) end
    end
    reply = redis.pcall('SET', entry, bytes, 'PX', left)
  end
  if reply.err then redis.call('UNLINK', entry) return reply end
  return 1
end
`;
