/** Which seqs of a room are known completely: sorted, disjoint, inclusive ranges. A room known to be empty is the range from 1 to 0. */

export class Ranges {
  /** @type {[from: number, to: number][]} */
  #all = [];

  /** @param {number} from @param {number} to */
  add(from, to) {
    /** @type {[number, number]} */
    const merged = [from, to];
    const apart = this.#all.filter(([start, end]) => {
      const touches = start <= merged[1] + 1 && end >= merged[0] - 1;
      if (touches) [merged[0], merged[1]] = [Math.min(start, merged[0]), Math.max(end, merged[1])];
      return !touches;
    });
    this.#all = [...apart, merged].sort((one, other) => one[0] - other[0]);
  }

  /** The range that holds the seq. @param {number} seq @returns {readonly [number, number] | undefined} */
  around(seq) {
    return this.#all.find(([from, to]) => from <= seq && seq <= to);
  }

  /** The range that ends last. @returns {readonly [number, number] | undefined} */
  get last() {
    return this.#all.at(-1);
  }

  get empty() {
    return this.#all.length === 0;
  }

  clear() {
    this.#all = [];
  }
}
