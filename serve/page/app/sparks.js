/** Small curves of the last two minutes. */
import { el, get, svg } from "./dom.js";
import { bytes, duration } from "./format.js";

const MOST = 120; // values
const [WIDTH, HEIGHT] = [120, 28];

/** @type {Record<string, {label: string, show: (value: number) => string}>} */
const KINDS = {
  lag: { label: "Lag", show: duration },
  fps: { label: "Frames read/s", show: (value) => value.toFixed(1) },
  ttft: { label: "First word", show: duration },
  pace: { label: "Tokens/s", show: (value) => String(Math.round(value)) },
  memory: { label: "Memory", show: bytes },
};

export class Sparks {
  /** @param {import("./current.js").Current} current @param {import("./chat.js").Chat} chat */
  constructor(current, chat) {
    /** @type {Map<string, {values: number[], line: Element, text: HTMLElement}>} */
    this.curves = new Map();
    for (const [kind, { label }] of Object.entries(KINDS)) this._add(kind, label);
    current.addEventListener("change", () => this._clear());
    current.addEventListener("stats", () => {
      const { stats } = current;
      this._put("lag", stats.lag_ms);
      this._put("fps", stats.fps_used);
      this._put("memory", stats.memory.bytes + (stats.memory.archive_bytes ?? 0));
    });
    chat.addEventListener("answered", (e) => {
      const { answer } = /** @type {any} */ (e).detail;
      this._put("ttft", answer.timing?.ttft_ms);
      this._put("pace", answer.tokensPerSecond);
    });
  }

  /** @param {string} kind @param {string} label */
  _add(kind, label) {
    const line = svg("polyline", { points: "" });
    const text = el("b", {}, "–");
    const curve = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, line);
    get("sparks").append(el("div", { class: "spark" }, el("span", {}, label), text, /** @type {any} */ (curve)));
    this.curves.set(kind, { values: [], line, text });
  }

  _clear() {
    for (const curve of this.curves.values()) {
      curve.values.length = 0;
      curve.line.setAttribute("points", "");
      curve.text.textContent = "–";
    }
  }

  /** @param {string} kind @param {number | null | undefined} value */
  _put(kind, value) {
    const curve = this.curves.get(kind);
    if (!curve || value === null || value === undefined) return;
    const { values, line, text } = curve;
    values.push(value);
    if (values.length > MOST) values.shift();
    text.textContent = KINDS[kind]?.show(value) ?? "";
    const top = Math.max(...values, 1e-9);
    const step = WIDTH / Math.max(1, values.length - 1);
    const y = (/** @type {number} */ v) => HEIGHT - 2 - (v / top) * (HEIGHT - 4);
    const points = values.length === 1 ? [...values, ...values] : values;
    const stride = values.length === 1 ? WIDTH : step;
    line.setAttribute("points", points.map((v, i) => `${(i * stride).toFixed(1)},${y(v).toFixed(1)}`).join(" "));
  }
}
