/** One element of a glob that consumes one code point, or `star`, which consumes any number. */
export type GlobToken =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly point: number }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [from: number, to: number])[] };

/**
 * Compiles a glob as Redis understands it: `*`, `?`, `[abc]`, `[a-z]`, `[^a]`, and `\` before a character that is meant as itself.
 * A class that is not closed ends with the pattern; a `\` at the end means itself. Redis compares bytes, this compares code points:
 * `?` and `[^a]` take a whole `é`, not half of it.
 *
 * Needs no more than text × pattern steps, whatever the pattern: it only ever goes back to the last `*`.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const tokens = globTokens(pattern);
  if (tokens.length === 1 && tokens[0]?.kind === 'star') return () => true;
  return (text) => matches(tokens, text);
}

function matches(tokens: readonly GlobToken[], text: string): boolean {
  let at = 0;
  let token = 0;
  let starToken = -1;
  let starAt = 0;
  while (at < text.length) {
    const current = tokens[token];
    if (current?.kind === 'star') {
      starToken = token;
      starAt = at;
      token += 1;
      continue;
    }
    const point = text.codePointAt(at) as number;
    if (current !== undefined && accepts(current, point)) {
      token += 1;
      at += width(point);
      continue;
    }
    if (starToken === -1) return false;
    // The last star takes one code point more; earlier stars need not, since what they found still stands.
    starAt += width(text.codePointAt(starAt) as number);
    at = starAt;
    token = starToken + 1;
  }
  while (tokens[token]?.kind === 'star') token += 1;
  return token === tokens.length;
}

function accepts(token: GlobToken, point: number): boolean {
  if (token.kind === 'literal') return token.point === point;
  if (token.kind === 'class') return token.negated !== token.ranges.some(([from, to]) => from <= point && point <= to);
  return true;
}

function width(point: number): number {
  return point > 0xffff ? 2 : 1;
}

/** What every text that matches begins with. */
export function literalHead(pattern: string): string {
  let head = '';
  for (const token of globTokens(pattern)) {
    if (token.kind !== 'literal') break;
    head += String.fromCodePoint(token.point);
  }
  return head;
}

/** Reads a pattern just as the server's own matcher does, its treatment of unfinished classes and ranges included. */
export function globTokens(pattern: string): readonly GlobToken[] {
  const points = Array.from(pattern, (character) => character.codePointAt(0) as number);
  const tokens: GlobToken[] = [];
  for (let i = 0; i < points.length; i += 1) {
    const point = points[i] as number;
    if (point === STAR) {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
    } else if (point === QUESTION) {
      tokens.push({ kind: 'any' });
    } else if (point === OPEN) {
      i = readClass(points, i + 1, tokens);
    } else {
      if (point === BACKSLASH && i + 1 < points.length) i += 1;
      tokens.push({ kind: 'literal', point: points[i] as number });
    }
  }
  return tokens;
}

/** Reads a class whose `[` is just before `from`; returns the index of its last point. */
function readClass(points: readonly number[], from: number, tokens: GlobToken[]): number {
  const negated = points[from] === CARET;
  const ranges: (readonly [number, number])[] = [];
  let i = negated ? from + 1 : from;
  for (; i < points.length && points[i] !== CLOSE; i += 1) {
    const point = points[i] as number;
    if (point === BACKSLASH && i + 1 < points.length) {
      i += 1;
      const escaped = points[i] as number;
      ranges.push([escaped, escaped]);
    } else if (points[i + 1] === DASH && i + 2 < points.length) {
      const end = points[i + 2] as number;
      ranges.push(point < end ? [point, end] : [end, point]);
      i += 2;
    } else {
      ranges.push([point, point]);
    }
  }
  tokens.push({ kind: 'class', negated, ranges });
  return i;
}

/** A text as a pattern that matches exactly it. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&');
}

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BACKSLASH = 0x5c;
const CARET = 0x5e;
const DASH = 0x2d;
