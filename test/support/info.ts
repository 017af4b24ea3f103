/** The fields of an INFO reply. */
export function parseInfo(text: string): Map<string, string> {
  const fields = text.split(/\r?\n/).filter((line) => line.includes(':') && !line.startsWith('#'));
  return new Map(fields.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

/** Calls per command, subcommands as `config|get`, of an INFO reply that has `commandstats`. */
export function callsPerCommand(info: ReadonlyMap<string, string>): Map<string, number> {
  const stats = [...info].filter(([field]) => field.startsWith('cmdstat_'));
  return new Map(stats.map(([field, text]) => [field.slice('cmdstat_'.length), Number(/calls=(\d+)/.exec(text)?.[1])]));
}
