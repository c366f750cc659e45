/** One websocket that comes back by itself: backoff, tickets, and resuming the session. */
import { LongwatchError, fromWire } from "./errors.js";

/**
 * @typedef {"connecting" | "connected" | "reconnecting" | "closed"} LinkState
 * @typedef {{state: LinkState, attempt: number, retryAt: number | null, resumed: boolean,
 *   error: LongwatchError | null}} LinkStatus `retryAt` is in milliseconds since 1970
 * @typedef {Record<string, any> & {type: string}} Event
 */

const FIRST_DELAY = 500; // milliseconds
const LONGEST_DELAY = 10_000;
const NUMBERED = "evt_"; // events with such an id can be resumed after
/** Close codes that another try does not change. */
const FINAL = new Set([1008, 4400, 4401, 4403, 4404, 4408]);

export class Link extends EventTarget {
  /**
   * @param {string} base the service's address, `http://...`
   * @param {{key?: string, model?: string}} options
   */
  constructor(base, options) {
    super();
    this.base = base.replace(/\/$/, "");
    this.options = options;
    /** @type {LinkStatus} */
    this.status = { state: "connecting", attempt: 0, retryAt: null, resumed: false, error: null };
    /** @type {any} the session, as the service told of it */
    this.session = null;
    /** @type {WebSocket | null} */
    this._socket = null;
    /** @type {{token: string} | null} */
    this._resume = null;
    this._last = `${NUMBERED}0`;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    this._closed = false;
    /** @type {LongwatchError | null} what the service said before it closed */
    this._parting = null;
  }

  /** Bytes that wait to be sent. */
  get buffered() {
    return this._socket?.bufferedAmount ?? 0;
  }

  /** Whether messages can be sent now. */
  get open() {
    return this.status.state === "connected" && this._socket?.readyState === 1;
  }

  /** Connect now, without waiting for the next try. */
  async connect() {
    clearTimeout(this._timer);
    if (this._closed || this._socket) return;
    const attempt = this.status.attempt + 1;
    const again = this.session !== null || this.status.state === "reconnecting";
    this._tell({ state: again ? "reconnecting" : "connecting", attempt, retryAt: null });
    try {
      const url = await this._url();
      if (this._closed || this._socket) return;
      this._begin(new WebSocket(url));
    } catch (error) {
      const known = error instanceof LongwatchError ? error : unreachable(this.base);
      if (known.status === 401 || known.status === 403) this._give_up(known);
      else this._later(known);
    }
  }

  /** Send an event; returns false while there is no connection. @param {Event} event */
  send(event) {
    if (!this.open) return false;
    this._socket?.send(JSON.stringify(event));
    this.dispatchEvent(new CustomEvent("sent", { detail: event }));
    return true;
  }

  /** Send a binary message; returns false while there is no connection. @param {ArrayBuffer} data */
  sendBytes(data) {
    if (!this.open) return false;
    this._socket?.send(data);
    return true;
  }

  close() {
    this._closed = true;
    clearTimeout(this._timer);
    this._socket?.close(1000);
    this._socket = null;
    this._tell({ state: "closed", retryAt: null });
  }

  /** The headers of HTTP requests. @returns {Record<string, string>} */
  headers() {
    return this.options.key ? { Authorization: `Bearer ${this.options.key}` } : {};
  }

  async _url() {
    const url = new URL(`${this.base}/v1/realtime`);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (this.options.model) url.searchParams.set("model", this.options.model);
    if (this._resume) {
      url.searchParams.set("resume", this._resume.token);
      url.searchParams.set("after", this._last);
    }
    if (this.options.key) url.searchParams.set("ticket", await this._ticket());
    return url;
  }

  /** A key must not stand in an address, so that a ticket for one use stands there. */
  async _ticket() {
    const address = `${this.base}/v1/tickets`;
    const response = await fetch(address, { method: "POST", headers: this.headers() });
    const body = await response.json();
    if (!response.ok) throw fromWire(body.error, response.status);
    return body.ticket;
  }

  /** @param {WebSocket} socket */
  _begin(socket) {
    this._socket = socket;
    this._parting = null;
    socket.onmessage = (message) => this._take(JSON.parse(message.data));
    socket.onclose = (closed) => {
      if (this._socket !== socket) return;
      this._socket = null;
      const error = this._parting ?? unreachable(this.base);
      if (FINAL.has(closed.code)) this._give_up(error);
      else this._later(error);
    };
  }

  /** @param {Event} event */
  _take(event) {
    if (event.event_id?.startsWith(NUMBERED)) this._last = event.event_id;
    if (event.type === "session.created") {
      this.session = event.session;
      this._resume = event.session.lw?.resume ?? null;
      this._greeted(false);
    } else if (event.type === "lw.session.resume") {
      this._resume = { token: event.token };
      this._greeted(true);
    } else if (event.type === "error" && event.error.code === "resume_expired") {
      this._resume = null;
    } else if (event.type === "error" && event.error.lw?.fatal) {
      this._parting = fromWire(event.error);
    }
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
  }

  /** @param {boolean} resumed */
  _greeted(resumed) {
    this._tell({ state: "connected", attempt: 0, retryAt: null, resumed, error: null });
  }

  /** @param {LongwatchError} error */
  _later(error) {
    if (this._closed) return;
    const { attempt } = this.status;
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.max(0, attempt - 1));
    const wait = delay * (0.75 + Math.random() / 2); // so that a hundred pages do not come at once
    this._timer = setTimeout(() => this.connect(), wait);
    this._tell({ state: "reconnecting", retryAt: Date.now() + wait, error });
  }

  /** @param {LongwatchError} error */
  _give_up(error) {
    this._closed = true;
    this._tell({ state: "closed", retryAt: null, error });
  }

  /** @param {Partial<LinkStatus>} change */
  _tell(change) {
    this.status = { ...this.status, ...change };
    this.dispatchEvent(new CustomEvent("status", { detail: this.status }));
  }
}

/** @param {string} base */
function unreachable(base) {
  const told = `the service at ${base} does not answer; see whether longwatch serve runs there`;
  return new LongwatchError("connection_lost", told, { retryable: true });
}
