/** The events of the protocol, as they come and go. */
import { copy, el, get } from "./dom.js";

const MOST = 300; // events

export class Log {
  /** @param {import("../longwatch.js").Client} client */
  constructor(client) {
    /** @type {{arrow: string, at: string, text: string}[]} newest last */
    this.entries = [];
    this.box = /** @type {HTMLDetailsElement} */ (get("log"));
    this.filter = /** @type {HTMLInputElement} */ (get("log-filter"));
    client.addEventListener("sent", (e) => this._put("→", /** @type {any} */ (e).detail));
    client.addEventListener("event", (e) => this._put("←", /** @type {any} */ (e).detail));
    this.box.addEventListener("toggle", () => this._draw());
    this.filter.addEventListener("input", () => this._draw());
    const press = /** @type {HTMLButtonElement} */ (get("log-copy"));
    press.addEventListener("click", () => copy(press, this._shown().map((one) => `${one.at} ${one.arrow} ${one.text}`).join("\n")));
    get("log-clear").addEventListener("click", () => {
      this.entries.length = 0;
      this._draw();
    });
  }

  /** @param {string} arrow @param {any} event */
  _put(arrow, event) {
    const entry = { arrow, at: new Date().toISOString().slice(11, 23), text: JSON.stringify(event, hide) };
    this.entries.push(entry);
    if (this.entries.length > MOST) this.entries.shift();
    if (!this.box.open || !this._fits(entry)) return;
    const lines = get("log-lines");
    lines.prepend(line(entry));
    if (lines.childElementCount > MOST) lines.lastElementChild?.remove();
  }

  /** @param {{text: string}} entry */
  _fits(entry) {
    return entry.text.toLowerCase().includes(this.filter.value.toLowerCase());
  }

  _shown() {
    return this.entries.filter((entry) => this._fits(entry));
  }

  _draw() {
    if (this.box.open) get("log-lines").replaceChildren(...this._shown().reverse().map(line));
  }
}

/** What lets others in is not shown. @param {string} name @param {any} value */
function hide(name, value) {
  return name === "password" || name === "token" ? "…" : value;
}

/** @param {{arrow: string, at: string, text: string}} entry */
function line(entry) {
  const type = /"type":"([^"]+)"/.exec(entry.text)?.[1] ?? "";
  return el("li", {}, el("span", { class: "at" }, `${entry.at} ${entry.arrow}`), el("b", {}, type), el("code", {}, entry.text));
}
