/** The memory as a bar of time: what is held, how densely, and what happened. */
import { el, get } from "./dom.js";
import { bytes, number, span, streamTime, wallTime } from "./format.js";

const NAMES = { window: "at hand", sealed: "compressed", faded: "faded" };
const LEGEND = [["window", "at hand"], ["sealed", "compressed"], ["faded", "faded"], ["gap", "gap"], ["question", "question"], ["alert", "alert"]];

const WIDE = 152; // CSS pixels of the picture over the bar, as watching.css has it

/** @typedef {{kind: string, from: number, to: number, frames?: number, bytes?: number}} Segment */

export class Timeline {
  /** @param {import("./current.js").Current} current @param {import("./pictures.js").Pictures} pictures */
  constructor(current, pictures) {
    this.current = current;
    this.pictures = pictures;
    this.bar = el("div", { class: "bar", tabIndex: 0, role: "slider", "aria-label": "Moments of the stream", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0" });
    this.peek = el("div", { class: "peek" });
    this.peek.hidden = true;
    this.ends = el("p", { class: "ends" });
    const legend = LEGEND.map(([kind, text]) => el("li", { "data-kind": kind }, text ?? ""));
    get("timeline").append(el("div", { class: "track" }, this.bar, this.peek), this.ends, el("ul", { class: "legend" }, ...legend));
    /** @type {{at: number, text: string, kind: "question" | "alert", stream: string}[]} */
    this.marks = [];
    this._cursor = 0;
    this._seen = { from: 0, to: 0 };
    for (const kind of ["change", "stats", "timeline"]) current.addEventListener(kind, () => this.draw());
    this.bar.addEventListener("pointermove", (e) => this._point(e));
    this.bar.addEventListener("pointerleave", () => (this.peek.hidden = true));
    this.bar.addEventListener("blur", () => (this.peek.hidden = true));
    this.bar.addEventListener("click", () => this._open());
    this.bar.addEventListener("keydown", (e) => this._key(e));
  }

  /** Mark a moment. @param {"question" | "alert"} kind @param {string} stream @param {number} at @param {string} text */
  mark(kind, stream, at, text) {
    this.marks.push({ kind, stream, at, text });
    if (this.marks.length > 200) this.marks.shift();
    this.draw();
  }

  /** Point at a moment. @param {number} at */
  jump(at) {
    this._cursor = at;
    this._show();
  }

  draw() {
    const { stats, timeline, newest } = this.current;
    this._summary(stats);
    if (!stats || newest === null) {
      this.bar.replaceChildren();
      this.ends.replaceChildren();
      return;
    }
    const from = timeline?.from ?? 0;
    const to = Math.max(timeline?.to ?? 0, newest, from + 1e6);
    this._seen = { from, to };
    const place = (/** @type {number} */ at) => `${((at - from) / (to - from)) * 100}%`;
    const parts = this._segments().map((one) => this._block(one, place));
    for (const [a, b] of timeline?.gaps ?? []) parts.push(this._block({ kind: "gap", from: a, to: b }, place));
    for (const mark of this._marks()) {
      const made = el("i", { class: "mark", "data-kind": mark.kind, title: `${streamTime(mark.at)} ${mark.text}` });
      made.style.left = place(mark.at);
      parts.push(made);
    }
    this.bar.replaceChildren(...parts);
    this.bar.setAttribute("aria-valuemin", String(Math.floor(from / 1e6)));
    this.bar.setAttribute("aria-valuemax", String(Math.floor(to / 1e6)));
    const wall = [this.current.wall(from), this.current.wall(to)].map((at) => (at === null ? "" : wallTime(at)));
    this.ends.replaceChildren(el("span", {}, `${streamTime(from)} ${wall[0]}`), el("span", {}, `${streamTime(to)} ${wall[1]}`));
  }

  /** @returns {Segment[]} */
  _segments() {
    const { timeline, stats, newest } = this.current;
    if (timeline?.segments?.length) {
      const told = timeline.segments.map((/** @type {Segment} */ one) => ({ ...one }));
      const last = told[told.length - 1];
      if (last.kind === "window") last.to = Math.max(last.to, newest); // it was asked for a moment ago
      return told;
    }
    const held = (stats.memory.span_s ?? 0) * 1e6; // all that is known without the timeline
    return [{ kind: "window", from: newest - held, to: newest, frames: stats.memory.frames, bytes: stats.memory.bytes }];
  }

  _marks() {
    const { name, timeline } = this.current;
    const told = [["question", timeline?.questions], ["alert", timeline?.alerts]].flatMap(([kind, list]) =>
      (list ?? []).map((/** @type {any} */ one) => ({ kind, at: one.at ?? one.pts_us, text: [one.text, one.answer].filter(Boolean).join(" → ") })),
    );
    const own = this.marks.filter((one) => one.stream === name);
    const known = new Set(told.map((one) => `${one.kind}${one.at}`));
    return [...told, ...own.filter((one) => !known.has(`${one.kind}${one.at}`))].filter((one) => one.at >= this._seen.from && one.at <= this._seen.to);
  }

  /** @param {Segment} one @param {(at: number) => string} place */
  _block(one, place) {
    const known = /** @type {any} */ (NAMES)[one.kind] ?? one.kind;
    const counts = [one.frames === undefined ? "" : `${number(one.frames)} frames`, one.bytes ? bytes(one.bytes) : ""].filter(Boolean).join(", ");
    const made = el("span", { class: "block", "data-kind": one.kind, title: `${streamTime(one.from)} to ${streamTime(one.to)}: ${known}${counts ? ` (${counts})` : ""}` });
    made.style.left = place(one.from);
    made.style.right = `calc(100% - ${place(one.to)})`;
    return made;
  }

  /** @param {any} stats */
  _summary(stats) {
    const memory = stats?.memory;
    const shown = get("memory-sum");
    if (!memory || memory.newest_pts_us === null) {
      shown.textContent = "Nothing seen yet";
      return;
    }
    const tokens = memory.tokens + (memory.sealed_tokens ?? 0);
    const size = memory.bytes + (memory.archive_bytes ?? 0);
    shown.textContent = [`${number(memory.frames_seen ?? memory.frames)} frames`, `${number(tokens)} tokens`, span(memory.newest_pts_us / 1e6), bytes(size)].join("  ·  ");
  }

  /** @param {PointerEvent} event */
  _point(event) {
    const { left, width } = this.bar.getBoundingClientRect();
    const { from, to } = this._seen;
    this._cursor = from + Math.min(1, Math.max(0, (event.clientX - left) / width)) * (to - from);
    this._show();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const { from, to } = this._seen;
    const step = Math.max(1e6, (to - from) / 50);
    const moves = { ArrowLeft: -step, ArrowRight: step, Home: -Infinity, End: Infinity };
    if (event.key === "Enter") this._open();
    if (!(event.key in moves)) return;
    event.preventDefault();
    const moved = this._cursor + /** @type {any} */ (moves)[event.key];
    this._cursor = Math.min(to, Math.max(from, moved));
    this._show();
  }

  /** The kept picture that is nearest to the cursor, if one is near. */
  _nearest() {
    const pictures = this.current.timeline?.pictures ?? [];
    let best = null;
    for (const at of pictures) if (best === null || Math.abs(at - this._cursor) < Math.abs(best - this._cursor)) best = at;
    return best;
  }

  async _show() {
    const { from, to } = this._seen;
    const { name } = this.current;
    if (to <= from || !name) return;
    const near = this._nearest();
    const at = near ?? this._cursor;
    const wall = this.current.wall(at);
    const time = el("span", {}, `${streamTime(at)}${wall === null ? "" : `  ${wallTime(wall)}`}`);
    this.bar.setAttribute("aria-valuenow", String(Math.floor(at / 1e6)));
    this.bar.setAttribute("aria-valuetext", time.textContent ?? "");
    const share = (this._cursor - from) / (to - from);
    this.peek.style.left = `${Math.min(0.92, Math.max(0.08, share)) * 100}%`;
    this.peek.hidden = false;
    const url = near === null ? null : await this.pictures.find(name, near, WIDE);
    this.peek.replaceChildren(...(url ? [el("img", { src: url, alt: "" })] : []), time);
  }

  _open() {
    const near = this._nearest();
    const { name } = this.current;
    if (near === null || !name) return;
    const wall = this.current.wall(near);
    this.pictures.show(name, near, streamTime(near), wall === null ? "" : wallTime(wall));
  }
}
