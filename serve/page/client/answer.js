/** One answer: an async iterable of pieces of text, and then what it rests on. */
import { LongwatchError, fromWire } from "./errors.js";

/**
 * @typedef {{stream: string, pts_us: number, url?: string, score: number | null, why: string}} Evidence
 * @typedef {{queue_ms: number | null, prefill_ms: number | null, ttft_ms: number | null,
 *   total_ms: number | null}} Timing
 */

/** @implements {AsyncIterable<string>} */
export class Answer extends EventTarget {
  /** @param {(answer: Answer) => void} cancel */
  constructor(cancel) {
    super();
    this.id = "";
    this.text = "";
    /** `waiting`, `in_progress`, then `completed`, `cancelled`, `incomplete` or `failed`. */
    this.status = "waiting";
    /** @type {string | null} why it ended */
    this.reason = null;
    /** @type {Record<string, number>} microseconds on the clock of each stream */
    this.asOf = {};
    /** @type {Evidence[]} */
    this.evidence = [];
    /** @type {{from: number, to: number} | null} the range that was looked in, microseconds */
    this.range = null;
    /** Whether a range was asked for of which nothing is held any more. */
    this.rangeDropped = false;
    /** @type {Timing | null} */
    this.timing = null;
    /** @type {any} token counts */
    this.usage = null;
    /** @type {LongwatchError | null} */
    this.error = null;
    this._cancel = cancel;
    /** @type {(() => void)[]} */
    this._waiting = [];
  }

  get ended() {
    return this.status !== "waiting" && this.status !== "in_progress";
  }

  /** Tokens a second after the first, or null. */
  get tokensPerSecond() {
    const { ttft_ms: first, total_ms: total } = this.timing ?? { ttft_ms: null, total_ms: null };
    const tokens = (this.usage?.output_tokens ?? 0) - 1;
    return first === null || total === null || tokens < 1 || total <= first
      ? null
      : (tokens * 1000) / (total - first);
  }

  /** Stop it; what was said so far stays. */
  cancel() {
    if (!this.ended) this._cancel(this);
  }

  /** Wait for the end; rejects where the answer failed. @returns {Promise<Answer>} */
  async done() {
    while (!this.ended) await this._change();
    if (this.error) throw this.error;
    return this;
  }

  async *[Symbol.asyncIterator]() {
    let read = 0;
    while (true) {
      if (read < this.text.length) {
        const piece = this.text.slice(read);
        read = this.text.length;
        yield piece;
      } else if (this.ended) {
        if (this.error) throw this.error;
        return;
      } else {
        await this._change();
      }
    }
  }

  /** Take in an event that is about this answer. @param {any} event */
  take(event) {
    switch (event.type) {
      case "response.created":
        this.id = event.response.id;
        this.status = "in_progress";
        this.asOf = event.response.lw?.as_of ?? {};
        break;
      case "response.output_text.delta":
        this.text += event.delta;
        break;
      case "lw.response.evidence":
        this.evidence = event.items;
        break;
      case "response.done":
        this._end(event.response);
        break;
    }
    this._changed();
  }

  /** End it without the service. @param {LongwatchError} error */
  fail(error) {
    if (this.ended) return;
    this.status = "failed";
    this.error = error;
    this._changed();
  }

  /** @param {any} response */
  _end(response) {
    const { as_of: asOf, timing, evidence, range, range_dropped: dropped } = response.lw ?? {};
    this.status = response.status;
    this.reason = response.status_details?.reason ?? null;
    this.usage = response.usage;
    this.timing = timing ?? null;
    this.asOf = asOf ?? this.asOf;
    this.evidence = evidence ?? this.evidence;
    this.range = range ?? null;
    this.rangeDropped = dropped ?? false;
    if (response.status === "failed") this.error = fromWire(response.status_details?.error);
  }

  /** @returns {Promise<void>} */
  _change() {
    return new Promise((resolve) => this._waiting.push(resolve));
  }

  _changed() {
    for (const resolve of this._waiting.splice(0)) resolve();
    this.dispatchEvent(new CustomEvent("change"));
  }
}
