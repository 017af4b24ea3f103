import { defineScript } from '../script.js';
import { announcing } from './fragments.js';

/*
 * KEYS: versions of labels. Of ARGV the first is a nonce that no call has used before; the third has a letter for each key, `t` for a
 * tag or `n` for a namespace, whose version is kept for ever. No deadline: a version made late is one more invalidation.
 */

/** Also unique when a script is run twice. `hardPart` gives nothing for what somebody else has put there: it could not stand in a header. */
const making = `
local time = redis.call('TIME')
local made = ARGV[1] .. '.' .. time[1] .. string.format('%06d', time[2])

local function isTag(i) return string.sub(ARGV[3], i, i) == 't' end

local function versionAt(key)
  local found = redis.pcall('GET', key)
  return type(found) == 'string' and found
end

local function hardPart(version)
  return version and string.find(version, '^[%w_.~-]+$') and string.match(version, '^[%w_-]+%.%d+')
end
`;

/** Added whenever a life has to be set, so that it need not be again for each new entry of the tag, in ms. */
const slack = 86_400_000;

/**
 * ARGV: nonce, for how many ms at least ('-' for ever), letters. Answers each version and for how many ms it is kept, -1 for ever. A
 * missing version is made and everybody told: whoever keeps the one that was lost has to take the same new one as all others.
 */
export const readVersionsScript = defineScript(
  'readVersions',
  `${making}${announcing}
local answer, told, failed = {}, false, nil
for i, key in ipairs(KEYS) do
  local wanted = isTag(i) and tonumber(ARGV[2]) or nil
  local ends = wanted and wanted + ${slack}
  local version = versionAt(key)
  local left = -1
  if not hardPart(version) then
    version = made
    local reply
    if ends then
      left = ends
      reply = redis.pcall('SET', key, version, 'PX', string.format('%.0f', ends))
    else
      reply = redis.pcall('SET', key, version)
    end
    if reply.err then failed = reply else told = true end
  else
    left = redis.call('PTTL', key)
    if left >= 0 and not ends then
      redis.call('PERSIST', key)
      left = -1
    elseif left >= 0 and left < wanted then
      redis.call('PEXPIRE', key, string.format('%.0f', ends))
      left = ends
    end
  end
  answer[2 * i - 1] = version
  answer[2 * i] = left
end
if told then announce() end
return failed or answer`,
);

/**
 * ARGV: nonce, '~' for only a new soft part and '' for a new version, letters. A version that cannot be stored is deleted: then one is made
 * by whoever needs it, and no entry carries that one.
 */
export const bumpVersionsScript = defineScript(
  'bumpVersions',
  `${making}${announcing}
for i, key in ipairs(KEYS) do
  local hard = ARGV[2] == '~' and hardPart(versionAt(key))
  local version = hard and hard .. '~' .. made or made
  local left = isTag(i) and redis.call('PTTL', key) or -1
  local reply
  if not isTag(i) then reply = redis.pcall('SET', key, version)
  elseif left == -1 or left >= ${slack} then reply = redis.pcall('SET', key, version, 'KEEPTTL')
  else reply = redis.pcall('SET', key, version, 'PX', ${slack}) end
  if reply.err then redis.call('DEL', key) end
end
announce()
return 1`,
);
