/** What is watched for, and what is said when it comes true. */
import { button, el, get } from "./dom.js";
import { streamTime, wallTime } from "./format.js";

/** @typedef {import("../client/watches.js").Watch} Watch */

const SHOWN = 12_000; // milliseconds that a hit stands on the page
const CHANGES = new Set(["lw.watch.state", "lw.watch.deleted"]); // after which the list is another one

/** Dispatches `fired`. */
export class Alerts extends EventTarget {
  /** @param {import("./current.js").Current} current @param {import("./pictures.js").Pictures} pictures */
  constructor(current, pictures) {
    super();
    this.current = current;
    this.client = current.client;
    this.pictures = pictures;
    this.list = get("watchlist");
    get("tell").addEventListener("submit", (e) => {
      e.preventDefault();
      this._make();
    });
    this.client.addEventListener("status", (e) => /** @type {any} */ (e).detail.state === "connected" && this.refresh());
    this.client.addEventListener("fired", (e) => this._fired(/** @type {any} */ (e).detail));
    this.client.addEventListener("event", (e) => CHANGES.has(/** @type {any} */ (e).detail.type) && this.refresh());
    this._draw([]);
  }

  async refresh() {
    const watches = await this.client.watches.list().catch(() => null);
    if (watches) this._draw(watches);
  }

  async _make() {
    const input = /** @type {HTMLInputElement} */ (get("condition"));
    const often = /** @type {HTMLSelectElement} */ (get("cooldown")).value;
    const how = often === "once" ? { once: true } : { cooldown_s: Number(often) };
    const streams = this.current.name ? [this.current.name] : ["*"];
    await this._try(() => this.client.watches.create({ condition: input.value.trim(), streams, ...how }));
  }

  /** Do something with watches, and draw them anew. @param {() => Promise<any>} work */
  async _try(work) {
    try {
      await work();
      /** @type {HTMLFormElement} */ (get("tell")).reset();
    } catch (error) {
      this.toast("That did not work", /** @type {Error} */ (error).message, null, "trouble");
    }
    await this.refresh();
  }

  /** @param {Watch[]} watches */
  _draw(watches) {
    const rows = watches.map((watch) => this._row(watch));
    const empty = el("li", { class: "empty" }, "Say what to watch for, and you are told with the picture when it is seen.");
    this.list.replaceChildren(...(rows.length ? rows : [empty]));
  }

  /** @param {Watch} watch */
  _row(watch) {
    const paused = watch.state === "paused";
    const over = watch.state === "ended";
    const count = watch.fired === 1 ? "seen once" : watch.fired ? `seen ${watch.fired} times` : "not seen yet";
    const state = { armed: "watching", fired: "watching", paused: "paused", ended: "ended" }[watch.state];
    const toggle = button(over ? "Again" : paused ? "Go on" : "Pause", () => this._try(() => this.client.watches.update(watch.id, { paused: !paused && !over })));
    const remove = button("Delete", () => this._try(() => this.client.watches.delete(watch.id)));
    for (const one of [toggle, remove]) one.setAttribute("aria-label", `${one.textContent}: ${watch.condition}`);
    const streams = (watch.streams ?? ["*"]).join(", ");
    const words = el("div", { class: "words" }, el("b", {}, watch.condition), el("span", {}, `${state}, ${count}${streams === "*" ? "" : `, on ${streams}`}`));
    return el("li", { "data-state": watch.state }, el("i", { class: "dot", "aria-hidden": "true" }), words, toggle, remove);
  }

  /** @param {any} event */
  _fired(event) {
    const wall = event.stream === this.current.name ? this.current.wall(event.pts_us) : null;
    const when = `${event.stream} at ${streamTime(event.pts_us)}${wall === null ? "" : `, ${wallTime(wall)}`}`;
    this.toast(event.text ?? "Seen", when, event, "hit");
    if (/** @type {HTMLInputElement} */ (get("sound")).checked) beep();
    this.dispatchEvent(new CustomEvent("fired", { detail: event }));
    this.refresh();
  }

  /** @param {string} title @param {string} text @param {any} event @param {string} kind */
  toast(title, text, event, kind) {
    const made = el("div", { class: "toast", "data-kind": kind }, el("div", { class: "words" }, el("b", {}, title), el("span", {}, text)));
    const close = button("Close", () => made.remove());
    made.append(close);
    get("toasts").append(made);
    setTimeout(() => made.remove(), SHOWN);
    const at = event?.evidence?.[0]?.pts_us ?? event?.pts_us;
    if (at === undefined) return;
    this.pictures.find(event.stream, at).then((url) => url && made.prepend(el("img", { src: url, alt: `The picture at ${streamTime(at)}` })));
  }
}

function beep() {
  const audio = new AudioContext();
  const [tone, volume] = [audio.createOscillator(), audio.createGain()];
  tone.frequency.value = 880;
  volume.gain.setValueAtTime(0.15, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.4);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.4);
  tone.onended = () => audio.close();
}
