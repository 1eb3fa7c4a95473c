/** First in, first out. An array's own `shift` copies the rest each time once there are some ten thousand. */
export class Queue<Item> {
  #items: (Item | undefined)[] = [];
  #begin = 0;

  get first(): Item | undefined {
    return this.#items[this.#begin];
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  take(): Item | undefined {
    const item = this.first;
    this.#items[this.#begin] = undefined;
    this.#begin += 1;
    if (this.#begin < this.#items.length) return item;
    this.#items = [];
    this.#begin = 0;
    return item;
  }
}
