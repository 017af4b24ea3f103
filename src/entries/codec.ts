import { CacheError, CodecError } from '../errors.js';
import type { Entry } from './entry.js';
import { formatHeader, parseHeader } from './header.js';
import { msgpackCodec } from './msgpack-codec.js';
import { jsonCodec, type PayloadCodec } from './payload-codec.js';
import { inspectValue } from './portable.js';

/**
 * An entry as the bytes that L2 keeps: a line a person can read, then the value. JSON where it gives the value back exactly, else
 * MessagePack. `clockOffset` is what to add to this process's clock to get the server's, in ms. JSON stays a string: a client puts
 * it on the wire with less copying than bytes.
 * @throws InvalidValueError for a value that no codec gives back
 * @throws CodecError when the value is too large for its codec
 */
export function encodeEntry(entry: Entry, clockOffset: number): Buffer | string {
  const codec = inspectValue(entry.value).json ? jsonCodec : msgpackCodec;
  const header = formatHeader(entry, codec.name, clockOffset);
  try {
    const payload = codec.encode(entry.value);
    return typeof payload === 'string' ? header + payload : Buffer.concat([Buffer.from(header), payload]);
  } catch (cause) {
    throw new CodecError(`A value could not be written as ${codec.name}: ${reason(cause)}`, { stage: 'encode', cause });
  }
}

/**
 * @returns 'unknown-format' for an entry of another version of Tierkeep, which may still need it: a miss, never to be removed
 * @throws CodecError for bytes that no version would have written
 */
export function decodeEntry(bytes: Buffer, clockOffset: number): Entry | 'unknown-format' {
  const header = parseHeader(bytes);
  if (header === 'unknown-format') return header;
  const codec = codecNamed(header.codec);
  if (codec === undefined) return 'unknown-format';
  return {
    value: decodePayload(codec, bytes, header.payloadAt),
    createdAt: header.createdAt - clockOffset,
    freshUntil: header.freshUntil - clockOffset,
    expiresAt: header.expiresAt - clockOffset,
    cost: header.cost,
    stamp: header.stamp,
    tags: header.tags,
    versions: header.versions,
  };
}

function codecNamed(name: string): PayloadCodec | undefined {
  if (name === jsonCodec.name) return jsonCodec;
  return name === msgpackCodec.name ? msgpackCodec : undefined;
}

function decodePayload(codec: PayloadCodec, bytes: Buffer, from: number): unknown {
  try {
    return codec.decode(bytes, from);
  } catch (cause) {
    throw new CodecError(`The ${codec.name} of an entry could not be read: ${reason(cause)}`, { stage: 'decode', cause });
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error && !(cause instanceof CacheError) ? cause.message : String(cause);
}
