import { once } from 'node:events';
import { connect } from 'node:net';

export interface CommandMonitor {
  /** Names in lower case of what clients have sent since `forget`, in order; what scripts call is not among them. */
  readonly commands: readonly string[];
  forget(): void;
  close(): void;
}

/** `+<time> [<db> <address or "lua">] "<name>" "<argument>"…`, as MONITOR writes it. */
const line = /^\+[\d.]+ \[\d+ (\S+)\] "([^"]*)"/;

/**
 * Writes down what a server is asked, by MONITOR on a bare socket: ioredis fails now and then when the first command comes in the chunk that
 * says OK.
 */
export async function monitorCommands(port: number): Promise<CommandMonitor> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setEncoding('utf8');
  socket.write('MONITOR\r\n');
  let commands: string[] = [];
  let rest = '';
  const started = new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      for (const text of lines) {
        if (text === '+OK') resolve();
        else if (text.startsWith('-')) reject(new Error(text));
        const [, source, name = ''] = line.exec(text) ?? [];
        if (source !== undefined && source !== 'lua') commands.push(name.toLowerCase());
      }
    });
  });
  try {
    await once(socket, 'connect');
    await started;
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return {
    get commands() {
      return commands;
    },
    forget() {
      commands = [];
    },
    close: () => void socket.destroy(),
  };
}
