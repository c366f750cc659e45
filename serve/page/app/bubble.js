/** One question and its answer, as they stand in the talk. */
import { button, copy, el } from "./dom.js";
import { duration, streamTime, wallTime } from "./format.js";
import { curl, python } from "./snippets.js";

/**
 * @typedef {import("../longwatch.js").Answer} Answer
 * @typedef {import("./chat.js").Chat} Chat
 * @typedef {import("./snippets.js").Asked} Asked
 */

export class Bubble {
  /** @param {Chat} chat @param {Asked} asked */
  constructor(chat, asked) {
    this.chat = chat;
    this.asked = asked;
    this.text = el("p", { class: "text" });
    this.facts = el("p", { class: "facts" });
    this.strip = el("ul", { class: "strip", "aria-label": "Pictures that the answer rests on" });
    this.actions = el("div", { class: "actions" });
    this.answer = el("div", { class: "answer", "data-status": "waiting" }, this.text, this.strip, this.facts, this.actions);
    this.root = el("article", { class: "turn" }, el("p", { class: "question" }, asked.question), this.answer);
    this._shown = "";
    this.strip.hidden = true;
  }

  /** Follow an answer. @param {Answer} answer */
  follow(answer) {
    this.current = answer;
    answer.addEventListener("change", () => this.draw(answer));
    this.draw(answer);
  }

  /** @param {Answer} answer */
  draw(answer) {
    this.answer.dataset.status = answer.status;
    if (this.text.textContent !== answer.text) this.text.textContent = answer.text;
    if (answer.error) this.text.textContent = answer.error.message;
    else if (!answer.text && answer.ended) this.text.textContent = answer.status === "cancelled" ? "Stopped." : "No words came.";
    else if (!answer.text) this.text.textContent = "Looking";
    this._draw_facts(answer);
    this._draw_evidence(answer);
    const phase = answer.ended ? "ended" : "running";
    if (phase !== this.actions.dataset.phase) this._draw_actions(answer, phase);
  }

  /** @param {Answer} answer */
  _draw_facts(answer) {
    const facts = [];
    const at = answer.asOf[this.asked.stream];
    if (at !== undefined) {
      const wall = this.chat.current.name === this.asked.stream ? this.chat.current.wall(at) : null;
      facts.push(`as of ${streamTime(at)}${wall === null ? "" : `, ${wallTime(wall)}`}`);
    }
    const { timing, tokensPerSecond: pace } = answer;
    if (timing?.ttft_ms !== null && timing) facts.push(`first word ${duration(timing.ttft_ms)}`);
    if (pace !== null) facts.push(`${Math.round(pace)} tokens/s`);
    if (timing?.total_ms) facts.push(`${duration(timing.total_ms)} in all`);
    if (answer.status === "cancelled") facts.push("stopped");
    if (answer.reason === "length") facts.push("cut at its length");
    if (answer.rangeDropped) facts.push("that time is not held any more, so all that is was searched");
    this.facts.replaceChildren(...facts.map((fact) => el("span", {}, fact)));
  }

  /** @param {Answer} answer */
  _draw_evidence(answer) {
    const key = answer.evidence.map((item) => item.pts_us).join();
    if (key === this._shown) return;
    this._shown = key;
    this.strip.hidden = false;
    this.strip.replaceChildren(...answer.evidence.map((item) => this._frame(item)));
  }

  /** @param {import("../client/answer.js").Evidence} item */
  _frame(item) {
    const time = streamTime(item.pts_us);
    const wall = this.chat.current.wall(item.pts_us);
    const where = item.why === "at_hand" ? "at hand" : "recalled";
    const why = item.score === null ? where : `${where}, weight ${item.score.toFixed(2)}`;
    const picture = el("span", { class: "thumb" });
    const press = () => {
      this.chat.dispatchEvent(new CustomEvent("jump", { detail: item.pts_us }));
      this.chat.pictures.show(item.stream, item.pts_us, time, `${why}${wall === null ? "" : `, ${wallTime(wall)}`}`);
    };
    const shown = el("button", { type: "button", class: "frame", onclick: press, "aria-label": `The picture at ${time}, ${why}` }, picture, el("span", { class: "time" }, time));
    this.chat.pictures.find(item.stream, item.pts_us).then((url) => {
      if (url) picture.append(el("img", { src: url, alt: "" }));
      else picture.classList.add("none");
    });
    return el("li", {}, shown);
  }

  /** @param {Answer} answer @param {string} phase */
  _draw_actions(answer, phase) {
    this.actions.dataset.phase = phase;
    if (phase === "running") {
      this.actions.replaceChildren(button("Stop", () => answer.cancel()));
      return;
    }
    const { chat } = this;
    const base = chat.client.link.base;
    const keyed = Boolean(chat.client.link.options.key);
    const exact = { ...this.asked, asOf: answer.asOf[this.asked.stream] ?? null };
    const copies = [
      ["Copy", () => answer.text],
      ["curl", () => curl(base, chat.client.session?.model ?? "bundled", exact, keyed)],
      ["Python", () => python(base, exact, keyed)],
    ];
    const made = copies.map(([label, text]) => {
      const one = button(/** @type {string} */ (label), () => copy(one, /** @type {() => string} */ (text)()));
      one.setAttribute("aria-label", label === "Copy" ? "Copy the answer" : `Copy as ${label}`);
      return one;
    });
    this.actions.replaceChildren(button("Ask again", () => chat.ask(this.asked.question)), ...made);
  }
}
