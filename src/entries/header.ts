import { CodecError } from '../errors.js';
import { type Entry, type Labels, noLabels } from './entry.js';

/** What stands before the payload, times on the server's clock. */
export interface Header extends Labels {
  readonly stamp: string;
  readonly codec: string;
  readonly createdAt: number;
  readonly freshUntil: number;
  readonly expiresAt: number;
  readonly cost: number;
  /** Where the payload begins. */
  readonly payloadAt: number;
}

/**
 * A line such as `tk1 q1w2e3r4a json 1764000000000 1764000300000 - 12 a1.17/b2.18 org:1=c3.19`, with its line feed. `-` is for ever. The
 * last two fields, the versions of namespaces and of tags, are there as far as there are any.
 */
export function formatHeader(entry: Entry, codec: string, clockOffset: number): string {
  const { stamp, createdAt, freshUntil, expiresAt, cost } = entry;
  const times = `${time(createdAt, clockOffset)} ${time(freshUntil, clockOffset)} ${time(expiresAt, clockOffset)}`;
  return `tk1 ${stamp} ${codec} ${times} ${Math.round(cost)}${labelFields(entry)}\n`;
}

/** With the space before each. No version holds one of the characters that separate. */
export function labelFields({ tags, versions }: Labels): string {
  if (versions.length === 0) return '';
  const spaces = versions.slice(0, versions.length - tags.length);
  const fields = ` ${spaces.length === 0 ? '-' : spaces.join('/')}`;
  if (tags.length === 0) return fields;
  return `${fields} ${tags.map((tag, index) => `${encodeURIComponent(tag)}=${versions[spaces.length + index]}`).join(',')}`;
}

/**
 * What is read together mostly has the same labels, so those of the last header are kept: to compare the text takes a tenth of reading it.
 * They are frozen, as entries share them.
 */
let lastText = '';
let lastLabels = noLabels;

function labelsIn(text: string, bytes: Buffer): Labels {
  if (text === '') return noLabels;
  if (text !== lastText) {
    lastLabels = readLabels(text, bytes);
    lastText = text;
  }
  return lastLabels;
}

/** `-` for none, which a later version may need that writes a field behind. */
function readLabels(text: string, bytes: Buffer): Labels {
  const [spaces = '-', tagged = '-'] = text.split(' ');
  const versions = spaces === '-' ? [] : spaces.split('/');
  if (tagged === '-') return { tags: noLabels.tags, versions: Object.freeze(versions) };
  const tags: string[] = [];
  for (const pair of tagged.split(',')) {
    const [tag = '', version = ''] = pair.split('=');
    tags.push(tagIn(tag, bytes));
    versions.push(version);
  }
  return { tags: Object.freeze(tags), versions: Object.freeze(versions) };
}

function tagIn(text: string, bytes: Buffer): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw notAHeader(bytes, cause);
  }
}

/**
 * Fields after the last known one are left alone: a later version may add some. Read byte by byte, because this is what a hit in L2
 * costs beside the JSON: a regular expression and Number() take five times as long.
 * @returns 'unknown-format' for the header of another version
 * @throws CodecError for anything that is no header
 */
export function parseHeader(bytes: Buffer): Header | 'unknown-format' {
  if (bytes[0] !== T || bytes[1] !== K || bytes[2] !== ONE || bytes[3] !== SPACE) return noHeader(bytes);
  const stampEnd = nextSpace(bytes, stampAt);
  const codecEnd = nextSpace(bytes, stampEnd + 1);
  const createdEnd = nextSpace(bytes, codecEnd + 1);
  const freshEnd = nextSpace(bytes, createdEnd + 1);
  const expiresEnd = nextSpace(bytes, freshEnd + 1);
  const lineEnd = bytes.indexOf(LINE_FEED, expiresEnd);
  const costEnd = Math.min(nextSpace(bytes, expiresEnd + 1), lineEnd);
  const createdAt = timeIn(bytes, codecEnd + 1, createdEnd);
  const freshUntil = timeIn(bytes, createdEnd + 1, freshEnd);
  const expiresAt = timeIn(bytes, freshEnd + 1, expiresEnd);
  const cost = timeIn(bytes, expiresEnd + 1, costEnd);
  // A field that is missing leaves a later one empty, and that is NaN.
  if (!(stampEnd > stampAt && createdAt < Number.POSITIVE_INFINITY && freshUntil <= expiresAt && cost >= 0))
    return noHeader(bytes);
  // All at once: a call into the engine for each part takes longer than cutting them out.
  const line = bytes.toString('latin1', stampAt, lineEnd);
  const { tags, versions } = labelsIn(line.slice(costEnd + 1 - stampAt), bytes);
  return {
    stamp: line.slice(0, stampEnd - stampAt),
    codec: line.slice(stampEnd + 1 - stampAt, codecEnd - stampAt),
    createdAt,
    freshUntil,
    expiresAt,
    cost,
    payloadAt: lineEnd + 1,
    tags,
    versions,
  };
}

/** The next space in the line, or the end of the bytes. */
function nextSpace(bytes: Buffer, from: number): number {
  for (let i = from; i < bytes.length; i += 1) {
    if (bytes[i] === SPACE) return i;
    if (bytes[i] === LINE_FEED) break;
  }
  return bytes.length;
}

function noHeader(bytes: Buffer): 'unknown-format' {
  const start = bytes.toString('latin1', 0, 40);
  if (/^tk(?!1 )\d+ /.test(start)) return 'unknown-format';
  throw notAHeader(bytes);
}

function notAHeader(bytes: Buffer, cause?: unknown): CodecError {
  const start = bytes.toString('latin1', 0, 40);
  const message = `An entry begins with ${JSON.stringify(start)}, which is no header of Tierkeep's.`;
  return new CodecError(message, { stage: 'decode', cause });
}

function time(ms: number, clockOffset: number): string {
  return ms === Number.POSITIVE_INFINITY ? '-' : String(Math.round(ms + clockOffset));
}

/** The number in a field, Infinity for `-`, NaN for anything else. */
function timeIn(bytes: Buffer, from: number, to: number): number {
  if (to <= from) return Number.NaN;
  const negative = bytes[from] === MINUS;
  if (negative && to === from + 1) return Number.POSITIVE_INFINITY;
  let ms = 0;
  for (let i = negative ? from + 1 : from; i < to; i += 1) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    ms = ms * 10 + digit;
  }
  return negative ? -ms : ms;
}

const stampAt = 'tk1 '.length;

const T = 0x74;
const K = 0x6b;
const ONE = 0x31;
const SPACE = 0x20;
const LINE_FEED = 0x0a;
const MINUS = 0x2d;
const ZERO = 0x30;
