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
    /**
     * Those made here, the newest firing that came, and how they stand.
     * @type {Map<string, {params: WatchParams, heard: number, state: string}>}
     */
    this._made = new Map();
  }

  /** @param {WatchParams} params @returns {Promise<Watch>} */
  async create(params) {
    const { watch } = await this._ask("create", params, "created");
    this._made.set(watch.id, { params, heard: watch.fired, state: watch.state });
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

  /** Take in an event; returns whether it is news. @param {import("./link.js").Event} event */
  take(event) {
    const made = this._made.get(event.watch_id);
    if (made && event.type === "lw.watch.state") made.state = event.state;
    if (event.type === "lw.watch.deleted") this._made.delete(event.watch_id);
    if (event.type !== "lw.watch.fired") return true;
    if (made && event.number <= made.heard) return false;
    if (made) made.heard = event.number;
    return true;
  }

  /**
   * Hear of them in a new session, first what was missed. What the service has forgotten and had not ended is made
   * again; what somebody deleted is not.
   */
  async back() {
    const follow = async (/** @type {string} */ id, /** @type {number} */ after) => {
      try {
        await this._ask("attach", { watch_id: id, after }, "attached");
      } catch (error) {
        const made = this._made.get(id);
        const { code } = /** @type {any} */ (error);
        if (!made || !["watch_not_found", "watch_deleted"].includes(code)) throw error;
        this._made.delete(id);
        if (code === "watch_not_found" && made.state !== "ended") await this.create(made.params);
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
