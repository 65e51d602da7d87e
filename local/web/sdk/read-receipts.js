/** Sends read positions, and sends them again after a reconnect until the server has acknowledged them. */

import { ConChatError } from "./errors.js";

export class ReadReceipts {
  /** Seq by room. @type {Map<number, number>} */
  #unacknowledged = new Map();
  #request;

  /** @param {(action: { action: "read", room_id: number, seq: number }) => Promise<unknown>} request */
  constructor(request) {
    this.#request = request;
  }

  /** @param {number} room_id @param {number} seq */
  async send(room_id, seq) {
    this.#unacknowledged.set(room_id, seq);
    try {
      await this.#request({ action: "read", room_id, seq });
    } catch (error) {
      if (error instanceof ConChatError && error.passing) return;
    }
    if (this.#unacknowledged.get(room_id) === seq) this.#unacknowledged.delete(room_id);
  }

  resend() {
    for (const [room, seq] of this.#unacknowledged) this.send(room, seq);
  }
}
