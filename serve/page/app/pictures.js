/** Pictures of streams, fetched with the key, kept for a while, and shown. */
import { has } from "./abilities.js";
import { get } from "./dom.js";

/** @typedef {import("../longwatch.js").Client} Client */

const MOST = 120; // pictures kept

export class Pictures {
  /** @param {Client} client */
  constructor(client) {
    this._client = client;
    /** @type {Map<string, Promise<string | null>>} */
    this._kept = new Map();
  }

  /**
   * Return an address for an `img`, or null where the service has no such picture.
   * @param {string} stream
   * @param {number} pts microseconds
   * @param {number} width pixels
   */
  find(stream, pts, width) {
    const path = `/v1/streams/${encodeURIComponent(stream)}/frames/${pts}.jpg?width=${width}`;
    let found = this._kept.get(path);
    if (!found) {
      found = this._fetch(path);
      this._kept.set(path, found);
      const [oldest] = this._kept.keys();
      if (this._kept.size > MOST && oldest) this._drop(oldest);
    }
    return found;
  }

  /** @param {string} path @returns {Promise<string | null>} */
  async _fetch(path) {
    const { link } = this._client;
    if (!(await has(this._client, "frames"))) return null;
    try {
      const response = await fetch(link.base + path, { headers: link.headers() });
      return response.ok ? URL.createObjectURL(await response.blob()) : null;
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
    const url = await this.find(stream, pts, 960);
    if (!url) return;
    picture.src = url;
    picture.alt = `The picture at ${title}`;
    picture.hidden = false;
  }
}
