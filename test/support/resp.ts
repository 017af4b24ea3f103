import { connect } from 'node:net';

export type Reply = string | number | null | Reply[];

/** As redis-cli --raw would print it. */
export function print(reply: Reply): string {
  return Array.isArray(reply) ? reply.map(print).join('\n') : String(reply ?? '');
}

interface Options {
  password?: string | undefined;
  /** Milliseconds until a reply that did not come is an error. Default 5000. */
  within?: number;
}

/** A connection that tests look at a server by, without the drivers under test. */
export interface RespConnection {
  /** An error reply rejects. */
  send(...args: string[]): Promise<Reply>;
  close(): void;
}

/** Sends one command on its own connection. */
export async function sendCommand(port: number, args: readonly string[], options: Options = {}): Promise<Reply> {
  const connection = openConnection(port, options);
  try {
    return await connection.send(...args);
  } finally {
    connection.close();
  }
}

export function openConnection(port: number, { password, within = 5_000 }: Options = {}): RespConnection {
  const socket = connect({ port, host: '127.0.0.1' });
  const waiting: { settle(reply: Reply | Error): void; name: string }[] = [];
  let received: Buffer = Buffer.alloc(0);
  let broken: Error | undefined;
  const fail = (explain: (name: string) => Error) => {
    for (const { settle, name } of waiting.splice(0)) settle(explain(name));
    socket.destroy();
  };
  socket.on('error', (error) => {
    broken ??= error;
    fail(() => error);
  });
  socket.once('close', () => {
    broken ??= new Error(`the connection to port ${port} is closed`);
    fail((name) => new Error(`${name} on port ${port}: the connection closed before the reply`));
  });
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    for (let parsed = parse(received, 0); parsed !== undefined; parsed = parse(received, 0)) {
      received = received.subarray(parsed.end);
      waiting.shift()?.settle(parsed.reply);
    }
  });

  const send = (...args: string[]) =>
    new Promise<Reply>((resolve, reject) => {
      if (broken !== undefined) return reject(broken);
      const name = String(args[0]);
      const impatience = setTimeout(() => {
        fail(() => new Error(`${name} on port ${port}: no reply within ${within} ms`));
      }, within);
      const settle = (reply: Reply | Error) => {
        clearTimeout(impatience);
        if (reply instanceof Error) reject(reply);
        else resolve(reply);
      };
      waiting.push({ settle, name });
      socket.write(encode(args));
    });
  // What is sent without having been let in is refused too; the reason is told instead.
  if (password !== undefined) send('AUTH', password).catch((error: Error) => fail(() => error));
  return { send, close: () => void socket.destroy() };
}

function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;
}

interface Parsed {
  reply: Reply | Error;
  end: number;
}

/** One RESP2 reply from `start`, or undefined while bytes are missing. */
function parse(bytes: Buffer, start: number): Parsed | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString('utf8', start + 1, lineEnd);
  const after = lineEnd + 2;
  switch (bytes[start]) {
    case 0x2b: // +
      return { reply: line, end: after };
    case 0x2d: // -
      return { reply: new Error(line), end: after };
    case 0x3a: // :
      return { reply: Number(line), end: after };
    case 0x24: // $
      return parseBulk(bytes, Number(line), after);
    case 0x2a: // *
      return parseArray(bytes, Number(line), after);
    default:
      return { reply: new Error(`not a RESP2 reply: ${line}`), end: after };
  }
}

function parseBulk(bytes: Buffer, length: number, start: number): Parsed | undefined {
  if (length < 0) return { reply: null, end: start };
  const end = start + length + 2;
  if (bytes.length < end) return undefined;
  return { reply: bytes.toString('utf8', start, start + length), end };
}

function parseArray(bytes: Buffer, length: number, start: number): Parsed | undefined {
  if (length < 0) return { reply: null, end: start };
  const items: Reply[] = [];
  let end = start;
  for (let index = 0; index < length; index++) {
    const item = parse(bytes, end);
    if (item === undefined) return undefined;
    items.push(item.reply instanceof Error ? item.reply.message : item.reply);
    end = item.end;
  }
  return { reply: items, end };
}
