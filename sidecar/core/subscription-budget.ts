/** How many subscriptions a node accepts, over all apps: each takes memory. */

export class SubscriptionBudget {
  readonly max: number;
  #taken = 0;

  constructor(max: number) {
    this.max = max;
  }

  tryTake(): boolean {
    if (this.#taken >= this.max) return false;
    this.#taken += 1;
    return true;
  }

  release(): void {
    this.#taken -= 1;
  }
}
