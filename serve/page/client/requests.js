/** What was asked of the service and waits for its reply. */
import { LongwatchError, fromWire } from "./errors.js";

/**
 * @typedef {import("./link.js").Event} Event
 * @typedef {(event: Event, name: string) => boolean} Match
 */

const PATIENCE = 15_000; // milliseconds for the service to reply

export class Requests {
  /** @param {(event: Event) => boolean} send */
  constructor(send) {
    this._send = send;
    this._count = 0;
    /** @type {Map<string, {match: Match, resolve: (e: any) => void, reject: (e: Error) => void}>} */
    this._waiting = new Map();
  }

  /** A name for an event, which the error that it causes repeats. */
  name() {
    this._count += 1;
    return `js_${this._count}`;
  }

  /**
   * Send an event and wait for the one that `match` knows as its reply.
   * @param {Event} event
   * @param {Match} match
   * @returns {Promise<any>}
   */
  request(event, match) {
    const name = this.name();
    return new Promise((resolve, reject) => {
      if (!this._send({ ...event, event_id: name })) {
        reject(new LongwatchError("connection_lost", "there is no connection now; try again soon"));
        return;
      }
      const late = () => reject(new LongwatchError("timeout", `no reply to ${event.type} came`));
      const timer = setTimeout(late, PATIENCE);
      const settle = () => {
        clearTimeout(timer);
        this._waiting.delete(name);
      };
      this._waiting.set(name, {
        match,
        resolve: (reply) => (settle(), resolve(reply)),
        reject: (error) => (settle(), reject(error)),
      });
    });
  }

  /** @param {Event} event */
  take(event) {
    if (event.type === "error") {
      this._waiting.get(event.error.event_id)?.reject(fromWire(event.error));
      return;
    }
    for (const [name, one] of this._waiting) {
      if (one.match(event, name)) {
        one.resolve(event);
        return;
      }
    }
  }

  /** Nobody will reply any more. @param {LongwatchError} error */
  fail(error) {
    for (const one of [...this._waiting.values()]) one.reject(error);
  }
}
