/** How the connection is: in the header, in a banner while there is none, and the key it may need. */
import { button, el, get } from "./dom.js";

/** @typedef {import("../longwatch.js").Client} Client */

const KEPT = "longwatch.key";

const NEWS = 6000; // milliseconds that it is said how the connection came back
const KEYS = ["missing_key", "invalid_key", "auth_timeout"]; // what is said of keys

/** The key that was given in this tab. */
export function keptKey() {
  return sessionStorage.getItem(KEPT) ?? undefined;
}

export class Connection {
  /** @param {Client} client */
  constructor(client) {
    this.client = client;
    this._was = false; // connected before
    this._lost = 0; // when the connection was lost, milliseconds since 1970
    this._back = ""; // how the connection came back, while that is news
    client.addEventListener("status", () => this.draw());
    client.addEventListener("event", (e) => this._event(/** @type {any} */ (e).detail));
    setInterval(() => client.status.state === "reconnecting" && this.draw(), 500);
    get("keyring").addEventListener("close", () => this._keyed());
    window.addEventListener("online", () => client.link.connect());
    this.draw();
  }

  draw() {
    const { state, retryAt, attempt, error } = this.client.status;
    if (state === "connected") this._resumed();
    else if (state === "reconnecting" && this._was && !this._lost) this._lost = Date.now();
    const left = retryAt ? Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)) : 0;
    const texts = { connecting: "Connecting", connected: this._back || "Connected", reconnecting: left ? `Reconnecting in ${left} s` : "Reconnecting", closed: "Not connected" };
    get("link").dataset.state = state;
    if (get("link-text").textContent !== texts[state]) get("link-text").textContent = texts[state];
    get("model").textContent = this.client.session ? `${this.client.session.model} model` : "";
    if (state === "reconnecting") this._banner(this._was ? "The service is gone" : "The service does not answer", `It is tried again and again (${attempt}). What you asked stays on this page.`, true);
    else if (state === "closed" && (KEYS.includes(error?.code ?? "") || error?.status === 401)) this.askKey(error?.message);
    else if (state === "closed") this._banner("The service let this page not in", error?.message ?? "", false);
  }

  _resumed() {
    get("banner").hidden = true;
    if (this._lost) {
      const gap = Math.max(1, Math.round((Date.now() - this._lost) / 1000));
      this._back = `${this.client.status.resumed ? "Back where it was" : "Connected anew"}, after ${gap} s`;
      setTimeout(() => ((this._back = ""), this.draw()), NEWS);
    }
    this._was = true;
    this._lost = 0;
  }

  /** @param {any} event */
  _event(event) {
    if (event.type === "lw.go_away") {
      this._banner("The service ends soon", "Answers under way are finished; the page comes back to it when it does.", false);
    }
  }

  /** @param {string} title @param {string} text @param {boolean} again */
  _banner(title, text, again) {
    const banner = get("banner");
    if (banner.hidden || banner.dataset.title !== title) {
      const press = again ? [button("Try now", () => this.client.link.connect())] : [];
      banner.replaceChildren(el("b", {}, title), el("span", {}, text), ...press);
      banner.dataset.title = title;
    }
    banner.hidden = false;
  }

  /** Ask for a key where one is needed, before the service waits for one. */
  async begin() {
    const told = keptKey() ? null : await fetch("/v1/models").catch(() => null);
    if (told?.status === 401) this.askKey();
    else this.client.start();
  }

  /** @param {string} [why] */
  askKey(why) {
    const box = /** @type {HTMLDialogElement} */ (get("keyring"));
    if (keptKey() && why) get("keyring-text").textContent = why;
    sessionStorage.removeItem(KEPT);
    if (!box.open) box.showModal();
  }

  _keyed() {
    const { value } = /** @type {HTMLInputElement} */ (get("key"));
    if (!value.trim()) {
      this._banner("This service needs a key", "Load the page again to give one.", false);
      return;
    }
    sessionStorage.setItem(KEPT, value.trim());
    location.reload();
  }
}
