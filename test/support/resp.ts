import { connect } from 'node:net';

export type Reply = string | number | null | Reply[];

/** As redis-cli --raw would print it. */
export function print(reply: Reply): string {
  return Array.isArray(reply) ? reply.map(print).join('\n') : String(reply ?? '');
}

/** Sends one command on its own connection; so tests look at a server without the drivers under test. */
export function sendCommand(
  port: number,
  args: readonly string[],
  options: { password?: string; within?: number } = {},
): Promise<Reply> {
  const { password, within = 5_000 } = options;
  const commands = password === undefined ? [args] : [['AUTH', password], args];
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received: Buffer = Buffer.alloc(0);
    let replies = 0;
    const finish = (settle: () => void) => {
      socket.destroy();
      settle();
    };
    socket.setTimeout(within, () =>
      finish(() => reject(new Error(`${args[0]} on port ${port}: no reply within ${within} ms`))),
    );
    socket.once('error', (error) => finish(() => reject(error)));
    socket.once('close', () => reject(new Error(`${args[0]} on port ${port}: the connection closed before the reply`)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (let parsed = parse(received, 0); parsed !== undefined; parsed = parse(received, 0)) {
        const { reply, end } = parsed;
        received = received.subarray(end);
        if (reply instanceof Error) return finish(() => reject(reply));
        replies++;
        if (replies === commands.length) return finish(() => resolve(reply));
      }
    });
    socket.write(commands.map(encode).join(''));
  });
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
