import { hashTag } from '../../entries/physical-keys.js';

/** How many slots a cluster has. */
export const slotCount = 16_384;

/** The slot of a key in a Redis Cluster: CRC16 (XMODEM) of its hash tag, or of the whole key if it has none. */
export function slotOf(key: string): number {
  const tag = hashTag(key) ?? key;
  let crc = 0;
  for (let index = 0; index < tag.length; index++) {
    const code = tag.charCodeAt(index);
    // Each command needs this, and a Buffer takes several times as long to make as the sum.
    if (code > 0x7f) return crc16(Buffer.from(tag)) % slotCount;
    crc = next(crc, code);
  }
  return crc % slotCount;
}

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = next(crc, byte);
  return crc;
}

function next(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ (table[((crc >> 8) ^ byte) & 0xff] as number);
}

const table = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  return crc;
});
