/** The stream that the page is about: its state, its statistics, and its clock. */

/** @typedef {import("../longwatch.js").Client} Client */

/** Dispatches `change` (another stream), `state`, `stats` and `timeline`. */
export class Current extends EventTarget {
  /** @param {Client} client */
  constructor(client) {
    super();
    this.client = client;
    /** @type {string | null} */
    this.name = null;
    /** @type {any} */
    this.state = null;
    /** @type {any} */
    this.stats = null;
    /** @type {any} what the service tells of the stream's memory, null where it does not */
    this.timeline = null;
    this.heard = 0; // when the newest statistics came, milliseconds since 1970
    /** @type {number | null} milliseconds since 1970 at the stream's time 0 */
    this._begun = null;
    client.addEventListener("state", (e) => this._state(/** @type {any} */ (e).detail));
    client.addEventListener("stats", (e) => this._stats(/** @type {any} */ (e).detail));
    setInterval(() => this.refresh(), 2000);
  }

  /** Turn to a stream, or to none. @param {string | null} name */
  turn(name) {
    if (name === this.name) return;
    if (this.name && !this.client.publishers.has(this.name)) this.client.detach(this.name);
    Object.assign(this, { name, state: null, stats: null, timeline: null, _begun: null });
    this.dispatchEvent(new CustomEvent("change"));
    this.refresh();
  }

  /** The newest time that was read, in microseconds on the stream's clock. */
  get newest() {
    return this.stats?.memory?.newest_pts_us ?? null;
  }

  /** The time of day of a moment of the stream, as far as it is known. @param {number} micros */
  wall(micros) {
    return this._begun === null ? null : this._begun + micros / 1000;
  }

  /** Ask for the timeline anew. */
  async refresh() {
    const { name } = this;
    if (!name || !this.client.link.open || document.hidden || !this.stats) return;
    try {
      const told = await this.client.http(`/v1/streams/${encodeURIComponent(name)}/timeline`);
      if (name !== this.name) return;
      this.timeline = told;
      this.dispatchEvent(new CustomEvent("timeline"));
    } catch {
      // the statistics are drawn in its place
    }
  }

  /** @param {any} event */
  _state(event) {
    if (event.stream !== this.name) return;
    this.state = { ...event, at: Date.now() };
    this.dispatchEvent(new CustomEvent("state"));
  }

  /** @param {any} event */
  _stats(event) {
    if (event.stream !== this.name) return;
    const before = this.newest;
    const first = this.stats === null;
    this.stats = event;
    this.heard = Date.now();
    if (this.newest !== null && this.newest !== before && event.state === "online") {
      this._begun = this.heard - (event.lag_ms ?? 0) - this.newest / 1000;
    }
    this.dispatchEvent(new CustomEvent("stats"));
    if (first) this.refresh();
  }
}
