import type { ServerOptions } from '../backends/redis/client-options.js';

/** Turning encryption off by one setting although the other asks for it would be too easy to do by mistake. */
export function tlsProblems({ url, tls }: Pick<ServerOptions, 'url' | 'tls'>, tlsName: string, urlName: string): string[] {
  if (tls !== false || !url?.startsWith('rediss:')) return [];
  return [`${tlsName} is false but ${urlName} begins with rediss://: write redis:// there, or leave ${tlsName} out.`];
}
