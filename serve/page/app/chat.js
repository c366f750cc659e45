/** Questions and answers. */
import { Bubble } from "./bubble.js";
import { get } from "./dom.js";
import { el } from "./dom.js";
import { because } from "./format.js";

/** @typedef {import("../longwatch.js").Answer} Answer */

const EXAMPLES = ["What do you see?", "What was there a minute ago?", "How many different things have you seen?"];
const REMEMBERED = 3; // exchanges that a question goes on from
const MOST = 100; // exchanges shown
const MINUTE = 60e6; // microseconds

/** Dispatches `asked`, `answered` and `jump` (to a time of the stream). */
export class Chat extends EventTarget {
  /** @param {import("./current.js").Current} current @param {import("./pictures.js").Pictures} pictures */
  constructor(current, pictures) {
    super();
    this.current = current;
    this.client = current.client;
    this.pictures = pictures;
    this.box = get("answers");
    this.input = /** @type {HTMLInputElement} */ (get("question"));
    /** @type {{stream: string, question: string, answer: string}[]} */
    this.said = [];
    /** @type {Set<Answer>} */
    this.running = new Set();
    get("ask").addEventListener("submit", (e) => {
      e.preventDefault();
      this.ask(this.input.value);
    });
    current.addEventListener("change", () => this._about());
    current.addEventListener("state", () => this._about());
    current.addEventListener("stats", () => this._about());
    this.client.addEventListener("status", () => this._about());
    this._invite();
    this._about();
  }

  /** @param {string} text */
  ask(text) {
    const question = text.trim() || this.input.placeholder;
    const stream = this.current.name;
    if (!stream) {
      get("about").textContent = "Choose a stream first";
      return;
    }
    this.box.querySelector(".invite")?.remove();
    const range = this._range();
    const bubble = new Bubble(this, { question, stream, range, asOf: null });
    this.box.append(bubble.root);
    while (this.box.childElementCount > MOST) this.box.firstElementChild?.remove();
    const before = this.said.filter((one) => one.stream === stream).slice(-REMEMBERED);
    const answer = this.client.ask(question, { stream, range, before });
    this.running.add(answer);
    bubble.follow(answer);
    answer.addEventListener("change", () => this._scroll());
    answer.done().then(
      () => answer.text && this.said.push({ stream, question, answer: answer.text }),
      () => {},
    ).finally(() => this._ended(question, answer));
    this.input.value = "";
    this._scroll(true);
    this.dispatchEvent(new CustomEvent("asked", { detail: { question, answer, stream } }));
  }

  /** Stop all answers. */
  stop() {
    for (const answer of this.running) answer.cancel();
  }

  /** @param {string} question @param {Answer} answer */
  _ended(question, answer) {
    this.running.delete(answer);
    this._scroll();
    this.dispatchEvent(new CustomEvent("answered", { detail: { question, answer } }));
  }

  /** @returns {{from?: number} | "auto"} */
  _range() {
    const scope = new FormData(/** @type {HTMLFormElement} */ (get("ask"))).get("scope");
    const now = this.current.newest;
    if (scope === "whole" || now === null) return "auto";
    return { from: scope === "now" ? now : Math.max(0, now - MINUTE) };
  }

  /** Say what a question would be about. */
  _about() {
    const { name, state, newest } = this.current;
    const ready = Boolean(name) && this.client.link.open;
    /** @type {HTMLButtonElement} */ (get("send")).disabled = !ready;
    let text = "No stream chosen";
    if (!this.client.link.open) text = "No connection";
    else if (name && newest === null) text = `about ${name}, which has shown nothing yet`;
    else if (name && state && state.state !== "online") text = `about ${name} (${state.state}${state.reason ? `, ${because(state.reason)}` : ""})`;
    else if (name) text = `about ${name}`;
    if (get("about").textContent !== text) get("about").textContent = text;
  }

  /** Keep the newest in sight, unless somebody reads further up. */
  _scroll(always = false) {
    const { scrollHeight, scrollTop, clientHeight } = this.box;
    if (always || scrollHeight - scrollTop - clientHeight < 160) this.box.scrollTop = scrollHeight;
  }

  _invite() {
    const examples = EXAMPLES.map((text) => el("li", {}, el("button", { type: "button", class: "example", onclick: () => this.ask(text) }, text)));
    this.box.append(el("div", { class: "invite" }, el("p", {}, "Answers stand on exactly what was seen when you asked, and say so."), el("ul", {}, ...examples)));
  }
}
