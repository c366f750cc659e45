/** Standing conditions in words; the client's `fired` event tells when one comes true. */

/**
 * @typedef {{condition: string, streams?: string[], threshold?: number, cooldown_s?: number,
 *   min_duration_s?: number, once?: boolean, until?: number | null}} WatchParams
 * @typedef {WatchParams & {id: string, state: "armed" | "fired" | "paused" | "ended",
 *   fired: number}} Watch
 */

export class Watches {
  /** @param {import("./requests.js").Requests} requests */
  constructor(requests) {
    this._requests = requests;
  }

  /** @param {WatchParams} params @returns {Promise<Watch>} */
  async create(params) {
    return (await this._ask("create", params, "created")).watch;
  }

  /** @returns {Promise<Watch[]>} */
  async list() {
    return (await this._ask("list", {}, "listed")).watches;
  }

  /**
   * Change it, pause it, or let it go on.
   * @param {string} id
   * @param {Partial<WatchParams> & {paused?: boolean}} changes
   * @returns {Promise<Watch>}
   */
  async update(id, changes) {
    return (await this._ask("update", { watch_id: id, ...changes }, "updated")).watch;
  }

  /** Forget it. @param {string} id */
  async delete(id) {
    await this._ask("delete", { watch_id: id }, "deleted");
  }

  /** @param {string} what @param {any} fields @param {string} reply @returns {Promise<any>} */
  _ask(what, fields, reply) {
    const type = `lw.watch.${reply}`;
    return this._requests.request(
      { type: `lw.watch.${what}`, ...fields },
      (event, name) => event.type === type && event.cause === name,
    );
  }
}
