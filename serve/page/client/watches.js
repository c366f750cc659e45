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
    /** @type {Map<string, {params: WatchParams, heard: number}>} those made here, and the newest firing that came */
    this._made = new Map();
  }

  /** @param {WatchParams} params @returns {Promise<Watch>} */
  async create(params) {
    const { watch } = await this._ask("create", params, "created");
    this._made.set(watch.id, { params, heard: watch.fired });
    return watch;
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
    const { watch } = await this._ask("update", { watch_id: id, ...changes }, "updated");
    const made = this._made.get(id);
    if (made) made.params = { ...made.params, ...changes };
    return watch;
  }

  /** Forget it. @param {string} id */
  async delete(id) {
    this._made.delete(id);
    await this._ask("delete", { watch_id: id }, "deleted");
  }

  /** Take in a firing; returns whether it is news. @param {import("./link.js").Event} event */
  take(event) {
    const made = this._made.get(event.watch_id);
    if (made && event.number <= made.heard) return false;
    if (made) made.heard = event.number;
    return true;
  }

  /** Hear of them in a new session, first what was missed; one that was forgotten is made again. */
  async back() {
    const follow = async (/** @type {string} */ id, /** @type {number} */ after) => {
      try {
        await this._ask("attach", { watch_id: id, after }, "attached");
      } catch (error) {
        const params = this._made.get(id)?.params;
        if (!params || /** @type {any} */ (error).code !== "watch_not_found") throw error;
        this._made.delete(id);
        await this.create(params);
      }
    };
    await Promise.all([...this._made].map(([id, { heard }]) => follow(id, heard)));
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
