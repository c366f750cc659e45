/** Pictures of streams, fetched with the key, kept for a while, and shown. */
import { get } from "./dom.js";

/** @typedef {import("../longwatch.js").Client} Client */

const MOST = 120; // pictures kept
const NEAR = 50_000; // microseconds between what was asked for and what is shown
const FRESH = 3_000_000; // microseconds; a newer picture may still be on its way
const TRIES = 4;

export class Pictures {
  /** @param {Client} client */
  constructor(client) {
    this._client = client;
    /** @type {Map<string, Promise<string | null>>} */
    this._kept = new Map();
    /** @type {Map<string, number>} the newest time of each stream, microseconds */
    this._newest = new Map();
    client.addEventListener("stats", (e) => {
      const { stream, memory } = /** @type {any} */ (e).detail;
      this._newest.set(stream, memory.newest_pts_us ?? 0);
    });
  }

  /**
   * Return an address for an `img`, or null where the service has no such picture.
   * @param {string} stream
   * @param {number} pts microseconds
   * @param {number} [wide] how wide it is shown, in CSS pixels; as it is kept, if left out
   */
  find(stream, pts, wide) {
    const size = wide ? `?width=${Math.ceil(wide * window.devicePixelRatio)}` : "";
    const path = `/v1/streams/${encodeURIComponent(stream)}/frames/${pts}.jpg${size}`;
    let found = this._kept.get(path);
    if (!found) {
      found = this._fetch(path, pts, pts > (this._newest.get(stream) ?? 0) - FRESH);
      this._kept.set(path, found);
      const [oldest] = this._kept.keys();
      if (this._kept.size > MOST && oldest) this._drop(oldest);
    }
    return found;
  }

  /** @param {string} path @param {number} pts @param {boolean} fresh @returns {Promise<string | null>} */
  async _fetch(path, pts, fresh) {
    const { link } = this._client;
    const init = { headers: link.headers(), cache: /** @type {RequestCache} */ (fresh ? "no-store" : "default") };
    try {
      for (let tries = 1; ; tries += 1) {
        const response = await fetch(link.base + path, init);
        const shown = Number(response.headers.get("X-Longwatch-Pts-Us") ?? pts);
        const late = fresh && (!response.ok || Math.abs(shown - pts) > NEAR);
        if (late && tries < TRIES) await new Promise((resolve) => setTimeout(resolve, 150 * tries));
        else return response.ok ? URL.createObjectURL(await response.blob()) : null;
      }
    } catch {
      this._kept.delete(path); // another time, perhaps
      return null;
    }
  }

  /** @param {string} path */
  _drop(path) {
    this._kept.get(path)?.then((url) => url && URL.revokeObjectURL(url));
    this._kept.delete(path);
  }

  /** Show one large. @param {string} stream @param {number} pts @param {string} title @param {string} text */
  async show(stream, pts, title, text) {
    const box = /** @type {HTMLDialogElement} */ (get("lightbox"));
    const picture = /** @type {HTMLImageElement} */ (get("lightbox-picture"));
    get("lightbox-title").textContent = title;
    get("lightbox-text").textContent = text;
    picture.hidden = true;
    box.showModal();
    const url = await this.find(stream, pts);
    if (!url) return;
    picture.src = url;
    picture.alt = `The picture at ${title}`;
    picture.hidden = false;
  }
}
