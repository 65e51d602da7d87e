/** What was read, told to the server until it has answered: with the next connection, when this one is gone. */

import { ConChatError } from "./http.js";

export class Reads {
  /** What the server does not know yet, by room. @type {Map<number, number>} */
  #untold = new Map();
  #act;

  /** @param {(action: { action: "read", room_id: number, seq: number }) => Promise<unknown>} act */
  constructor(act) {
    this.#act = act;
  }

  /** @param {number} room_id @param {number} seq everything up to it was read */
  async tell(room_id, seq) {
    this.#untold.set(room_id, seq);
    try {
      await this.#act({ action: "read", room_id, seq });
    } catch (error) {
      if (error instanceof ConChatError && error.passing) return;
    }
    if (this.#untold.get(room_id) === seq) this.#untold.delete(room_id);
  }

  /** There is a connection again. */
  again() {
    for (const [room, seq] of this.#untold) this.tell(room, seq);
  }

  clear() {
    this.#untold.clear();
  }
}
