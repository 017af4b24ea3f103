import type * as tierkeep from 'tierkeep';

/**
 * Classes with standard decorators, which the test runner does not compile: `compiled.ts` has the TypeScript compiler do it. So what
 * they need at run time is handed in.
 */
export function services(
  { cached, cachedMethod }: Pick<typeof tierkeep, 'cached' | 'cachedMethod'>,
  shared: tierkeep.TieredCache,
) {
  const runs: string[] = [];

  class UserService {
    readonly #suffix: string;

    constructor(
      readonly tenant: string,
      readonly cache: tierkeep.TieredCache,
    ) {
      this.#suffix = `of ${tenant}`;
    }

    @cached((self: UserService) => self.cache, 'user', { ttl: '10m' })
    async find(id: number): Promise<string> {
      runs.push(`find ${id} ${this.tenant}`);
      return `${id} ${this.#suffix}`;
    }

    @cached(shared, 'shared', {
      key(this: UserService, id: number) {
        return `${this.tenant}:${id}`;
      },
    })
    async shared(id: number): Promise<string> {
      runs.push(`shared ${id} ${this.tenant}`);
      return `${id} ${this.#suffix}`;
    }

    @cached(shared, 'count')
    static async count(of: { a?: number; b?: number }): Promise<string> {
      runs.push('count');
      return `${this.name} ${JSON.stringify(of)}`;
    }

    @cached((self: UserService) => self.cache, 'secret')
    async #secret(id: number): Promise<string> {
      runs.push(`secret ${id}`);
      return `secret ${id} ${this.#suffix}`;
    }

    secret(id: number): Promise<string> {
      return this.#secret(id);
    }

    forget(id: number): Promise<boolean> {
      return cachedMethod(this, this.#secret).invalidate(id);
    }

    plain(): string {
      return this.tenant;
    }
  }

  class AdminService extends UserService {
    @cached((self: AdminService) => self.cache, 'admin')
    override async find(id: number): Promise<string> {
      runs.push(`find admin ${id}`);
      return `admin ${await super.find(id)}`;
    }
  }

  class Inheriting extends UserService {}

  return { UserService, AdminService, Inheriting, runs };
}
