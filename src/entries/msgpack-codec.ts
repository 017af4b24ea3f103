import { Packr } from 'msgpackr';
import type { PayloadCodec } from './payload-codec.js';
import { fromTree, toTree } from './structured-tree.js';

/** Self-contained (no records shared between messages), and only types that {@link toTree} leaves. */
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  // Without it an object of more than 65,535 keys fails.
  variableMapSize: true,
  // Typed arrays, ArrayBuffer and a BigInt of any size as themselves.
  moreTypes: true,
  useToJSON: false,
  structuredClone: false,
  // Else a Buffer inside a value would keep the whole reply of the server in memory.
  copyBuffers: true,
});

/** For values that JSON would change. */
export const msgpackCodec: PayloadCodec = {
  name: 'msgpack',
  encode: (value) => packr.pack(toTree(value)),
  decode: (bytes, from) => fromTree(packr.unpack(bytes.subarray(from))),
};
