/** Turns a value into the payload of an entry and back. `decode` throws, whatever it likes, for bytes it cannot read. */
export interface PayloadCodec {
  /** Stands in the header of the entry: lower-case letters and digits. */
  readonly name: string;
  encode(value: unknown): Buffer | string;
  /** The payload is what is left of `bytes` from `from` on. */
  decode(bytes: Buffer, from: number): unknown;
}

/** For values that JSON gives back exactly: legible in redis-cli and from every language. */
export const jsonCodec: PayloadCodec = {
  name: 'json',
  encode: (value) => JSON.stringify(value),
  decode: (bytes, from) => JSON.parse(bytes.toString('utf8', from)),
};
