/** Where the picture is, with what is known of it written over it. */
import { el, get } from "./dom.js";
import { because, duration } from "./format.js";

/** @typedef {import("./current.js").Current} Current */

const STALE = 4000; // milliseconds without a new frame, after which the picture is old

export class Stage {
  /** @param {Current} current @param {import("./pictures.js").Pictures} pictures */
  constructor(current, pictures) {
    this.current = current;
    this.pictures = pictures;
    this.video = /** @type {HTMLVideoElement} */ (get("video"));
    this.still = /** @type {HTMLImageElement} */ (get("still"));
    /** @type {import("../longwatch.js").Publisher | null} */
    this.publisher = null;
    this._newest = -1;
    this._changed = 0; // when the newest frame last changed
    this._slow = { sent: 0, skipped: 0, text: "" };
    current.addEventListener("stats", () => this._stats());
    current.addEventListener("state", () => this.badge());
    current.client.addEventListener("status", () => this.badge());
    setInterval(() => this.badge(), 1000);
  }

  /** Say something where the picture would be.
   * @param {string} title @param {string} text @param {HTMLElement[]} [actions] @param {string} [kind]
   */
  say(title, text, actions = [], kind = "empty") {
    const words = el("div", { class: "words" }, el("h3", {}, title), el("p", {}, text));
    if (actions.length) words.append(el("div", { class: "actions" }, ...actions));
    get("notice").replaceChildren(words);
    get("stage").dataset.state = kind;
    for (const part of [this.video, this.still, get("badge"), get("overlay")]) part.hidden = true;
    get("notice").hidden = false;
  }

  /** Nothing is sent any more. @param {string} title @param {string} text @param {HTMLElement} start */
  rest(title, text, start) {
    this.publisher = null;
    this.say(title, text, [start]);
  }

  /** Show what this page sends. @param {import("../longwatch.js").Publisher} publisher @param {boolean} mirrored */
  send(publisher, mirrored) {
    this.publisher = publisher;
    this.mirror(mirrored);
    this._show(this.video);
  }

  /** Show what the service keeps of a stream that somebody else feeds. */
  watch() {
    this.publisher = null;
    this._show(this.still);
    this.still.hidden = true;
  }

  /** @param {boolean} on */
  mirror(on) {
    this.video.classList.toggle("mirrored", on);
  }

  /** Say how the stream is. */
  badge() {
    const shown = get("badge");
    if (get("stage").dataset.state !== "running") return;
    const [state, text] = this._state();
    shown.hidden = false;
    if (shown.textContent !== text) shown.textContent = text;
    shown.dataset.state = state;
  }

  /** @param {HTMLElement} part */
  _show(part) {
    get("stage").dataset.state = "running";
    get("notice").hidden = true;
    this.video.hidden = part !== this.video;
    this.still.hidden = part !== this.still;
    this._newest = -1;
    this._changed = Date.now();
    this.badge();
  }

  /** @returns {[string, string]} */
  _state() {
    const { state, client } = this.current;
    if (!client.link.open) return ["reconnecting", "No connection; the pictures wait"];
    const why = because(state?.reason);
    switch (state?.state) {
      case "online": {
        const idle = Date.now() - this._changed;
        if (idle > STALE) return ["stalled", `No new frame for ${Math.round(idle / 1000)} s`];
        return ["live", "Live"];
      }
      case "stalled":
        return ["stalled", why ? `Stalled: ${why}` : "Stalled"];
      case "reconnecting": {
        const left = state.retry_in_ms ? Math.ceil((state.at + state.retry_in_ms - Date.now()) / 1000) : 0;
        const when = left > 0 ? `, next try in ${left} s` : "";
        return ["reconnecting", `Reconnecting (try ${state.attempt ?? 1}${when})${why ? `: ${why}` : ""}`];
      }
      case "ended":
      case "offline":
        return ["offline", `${state.state === "ended" ? "Ended" : "Offline"}${why ? `: ${why}` : ""}`];
      default:
        return ["connecting", "Connecting"];
    }
  }

  _stats() {
    const { stats, newest, name } = this.current;
    if (newest !== null && newest !== this._newest) {
      this._newest = newest;
      this._changed = Date.now();
      if (!this.publisher && name && get("stage").dataset.state === "running") this._picture(name, newest);
    }
    if (get("stage").dataset.state !== "running") return;
    const lost = Object.entries(stats.dropped).filter(([, count]) => count);
    const total = lost.reduce((sum, [, count]) => sum + count, 0);
    const rows = [
      ["Lag", duration(stats.lag_ms), "from the picture to the memory"],
      ["Frames/s", `${stats.fps_in.toFixed(1)} in, ${stats.fps_used.toFixed(1)} read`, "pictures that come, and that the model reads"],
      ["Left out", String(total), lost.map(([why, count]) => `${why}: ${count}`).join(", ") || "none"],
    ];
    const size = this._size();
    if (size) rows.push(["Picture", size, "pixels"]);
    const slow = this._link();
    if (slow) rows.push(["Slow link", slow, "pictures are skipped, as the connection or the model is behind"]);
    const shown = rows.map(([name, value, title]) => el("div", { title }, el("dt", {}, name ?? ""), el("dd", {}, value ?? "")));
    get("overlay").replaceChildren(...shown);
    get("overlay").hidden = false;
    this.badge();
  }

  _size() {
    const { videoWidth: w, videoHeight: h } = this.video;
    return this.publisher && w ? `${w} × ${h}` : "";
  }

  /** How many of the pictures are sent, where not all are. */
  _link() {
    if (!this.publisher) return "";
    const { sent, skipped } = this.publisher;
    const [now, lost] = [sent - this._slow.sent, skipped - this._slow.skipped];
    if (now + lost >= 4) this._slow = { sent, skipped, text: lost ? `sending ${now} of ${now + lost}` : "" };
    return this._slow.text;
  }

  /** @param {string} name @param {number} pts */
  async _picture(name, pts) {
    const url = await this.pictures.find(name, pts);
    if (!url || name !== this.current.name || this.publisher) return;
    this.still.src = url;
    this.still.hidden = false;
  }
}
