/** What a process tells of that nobody caught, and what Node.js warns of. */
export interface Trouble {
  readonly seen: readonly string[];
  stop(): void;
}

export function watchTrouble(): Trouble {
  const seen: string[] = [];
  const rejection = (reason: unknown) => void seen.push(`unhandled rejection: ${String(reason)}`);
  const exception = (error: unknown) => void seen.push(`uncaught exception: ${String(error)}`);
  const warning = (warned: Error) => void seen.push(`warning: ${warned.name}: ${warned.message}`);
  process.on('unhandledRejection', rejection);
  process.on('uncaughtExceptionMonitor', exception);
  process.on('warning', warning);
  return {
    seen,
    stop() {
      process.off('unhandledRejection', rejection);
      process.off('uncaughtExceptionMonitor', exception);
      process.off('warning', warning);
    },
  };
}
