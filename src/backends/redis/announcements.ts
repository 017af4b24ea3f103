/** What is published with each change, in the script that makes it. */
export interface Announcements {
  /** '' publishes nothing. */
  readonly channel: string;
  /** Those keys were changed. */
  keys(keys: readonly string[]): string;
  /** Whatever begins with the prefix may have been. */
  prefix(prefix: string): string;
  /** Those tags and namespaces have new versions. */
  labels(labels: readonly string[]): string;
  /** The key's lease was given back without a change. */
  released(key: string): string;
}

export const silence: Announcements = { channel: '', keys: () => '', prefix: () => '', labels: () => '', released: () => '' };
