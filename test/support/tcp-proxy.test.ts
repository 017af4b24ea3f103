import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from './eventually.js';
import { startProxy } from './tcp-proxy.js';

/** A server that sends every byte back, behind a proxy, and a client that collects what it gets. */
async function echo() {
  const echoed = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echoed, 'listening');
  const proxy = await startProxy(echoed.address() as { port: number });
  onTestFinished(async () => {
    await proxy.close();
    echoed.close();
  });
  return proxy;
}

async function client(port: number) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  await once(socket, 'connect');
  return { socket, text: () => Buffer.concat(received).toString(), bytes: () => Buffer.concat(received) };
}

const closed = (socket: Socket) => eventually(() => socket.closed);

it('holds bytes back while paused and then delivers every one of them in order', async () => {
  const proxy = await echo();
  const { socket, bytes } = await client(proxy.port);
  socket.write('a');
  await eventually(() => bytes().length === 1);
  proxy.pause();
  const sent = Buffer.alloc(5_000_000, 'the quick brown fox ');
  socket.write(sent);
  const late = await client(proxy.port);
  late.socket.write('late');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(bytes().length).toBe(1);
  expect(late.text()).toBe('');
  proxy.resume();
  await eventually(() => bytes().length === sent.length + 1);
  expect(bytes().subarray(1).equals(sent)).toBe(true);
  await eventually(() => late.text() === 'late');
});

it('holds back one direction only when asked', async () => {
  const proxy = await echo();
  const { socket, text } = await client(proxy.port);
  proxy.pause('to-client');
  socket.write('heard');
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(text()).toBe('');
  proxy.resume();
  await eventually(() => text() === 'heard');
});

it('holds back some connections only when asked', async () => {
  const ports: number[] = [];
  const target = createServer((socket) => {
    ports.push(socket.remotePort ?? 0);
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(target, 'listening');
  const proxy = await startProxy(target.address() as { port: number });
  onTestFinished(async () => {
    await proxy.close();
    target.close();
  });
  const silenced = await client(proxy.port);
  await eventually(() => ports.length === 1);
  const spared = await client(proxy.port);
  proxy.pauseOnly(new Set(ports.slice(0, 1)));
  for (const { socket } of [silenced, spared]) socket.write('heard');
  await eventually(() => spared.text() === 'heard');
  expect(silenced.text()).toBe('');
  proxy.resume();
  await eventually(() => silenced.text() === 'heard');
});

it('cuts what is open and welcomes what comes', async () => {
  const proxy = await echo();
  const first = await client(proxy.port);
  await eventually(() => proxy.connections === 1);
  proxy.cut();
  await closed(first.socket);
  await eventually(() => proxy.connections === 0);
  const second = await client(proxy.port);
  second.socket.write('again');
  await eventually(() => second.text() === 'again');
  expect(proxy.accepted).toBe(2);
});

it('refuses new connections, keeps open ones, and accepts on the same port again', async () => {
  const proxy = await echo();
  const open = await client(proxy.port);
  open.socket.write('1');
  await eventually(() => open.text() === '1');
  await proxy.refuse();
  await expect(client(proxy.port)).rejects.toThrow(/ECONNREFUSED/);
  open.socket.write('2');
  await eventually(() => open.text() === '12');
  await proxy.accept();
  const next = await client(proxy.port);
  next.socket.write('3');
  await eventually(() => next.text() === '3');
});

it('delays every chunk without reordering', async () => {
  const proxy = await echo();
  const { socket, text } = await client(proxy.port);
  proxy.latency(40);
  const from = performance.now();
  socket.write('a');
  socket.write('b');
  await eventually(() => text() === 'ab', { every: 1 });
  expect(performance.now() - from).toBeGreaterThanOrEqual(79);
});

it('lets a byte through at a time, and all that waits once it may go faster', async () => {
  const proxy = await echo();
  const { socket, text } = await client(proxy.port);
  proxy.throttle(20);
  const from = performance.now();
  socket.write('abc');
  await eventually(() => text() === 'abc', { every: 1 });
  // The first byte goes at once, the others 50 ms after each other.
  expect(performance.now() - from).toBeGreaterThanOrEqual(99);
  proxy.throttle(1);
  socket.write('defghi');
  await eventually(() => text().length > 3);
  expect(text().length).toBeLessThan(9);
  proxy.throttle(Number.POSITIVE_INFINITY);
  await eventually(() => text() === 'abcdefghi');
});

it('lets connections die without telling either side, and welcomes new ones', async () => {
  let ended = 0;
  const sockets: Socket[] = [];
  const target = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('close', () => ended++);
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(target, 'listening');
  const proxy = await startProxy(target.address() as { port: number });
  onTestFinished(async () => {
    await proxy.close();
    target.close();
  });
  const dead = await client(proxy.port);
  const alive = await client(proxy.port);
  dead.socket.write('1');
  await eventually(() => dead.text() === '1');
  proxy.deaden();
  dead.socket.write('2');
  sockets[0]?.write('nobody hears this');
  const next = await client(proxy.port);
  next.socket.write('3');
  await eventually(() => next.text() === '3');
  alive.socket.destroy();
  dead.socket.end();
  proxy.resume();
  next.socket.write('4');
  await eventually(() => next.text() === '34');
  expect(dead.text()).toBe('1');
  expect(dead.socket.readableEnded).toBe(false);
  expect(ended).toBe(0);
});

it('passes the end of a stream on after its last byte, and a refused target as a closed connection', async () => {
  const proxy = await echo();
  const { socket, text } = await client(proxy.port);
  proxy.latency(10);
  socket.end('bye');
  await once(socket, 'end');
  expect(text()).toBe('bye');
  const nowhere = await startProxy(await unused());
  onTestFinished(() => nowhere.close());
  const lost = connect({ port: nowhere.port, host: '127.0.0.1' });
  lost.on('error', () => {});
  await closed(lost);
});

async function unused(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
