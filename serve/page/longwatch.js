/**
 * The JavaScript client of Longwatch: publish, ask, watch. See docs/javascript.md.
 *
 * Works in browsers and in Node 22 and later; it needs nothing but `WebSocket` and `fetch`.
 */
import { Answer } from "./client/answer.js";
import { LongwatchError, fromWire } from "./client/errors.js";
import { Link } from "./client/link.js";
import { Publisher } from "./client/publisher.js";
import { request } from "./client/question.js";
import { Requests } from "./client/requests.js";
import { Watches } from "./client/watches.js";

export { Answer, LongwatchError, Publisher };

/**
 * @typedef {import("./client/link.js").Event} Event
 * @typedef {import("./client/question.js").AskOptions} AskOptions
 */

/**
 * Connect to a service.
 * @param {string} [base] its address; a page's own site if it is left out
 * @param {{key?: string, model?: string}} [options] `key` is needed where the service has keys
 * @returns {Promise<Client>}
 */
export async function connect(base, options) {
  const client = new Client(base, options);
  client.start();
  await client.connected();
  return client;
}

/**
 * One session. Dispatches `event` (each event of the service), `sent`, `status` (the connection),
 * `fired` (a watch), and `state` and `stats` (of streams); what is told is in `detail`.
 */
export class Client extends EventTarget {
  /** @param {string} [base] @param {{key?: string, model?: string}} [options] */
  constructor(base = globalThis.location?.origin, options = {}) {
    super();
    this.link = new Link(base, options);
    /** @type {Map<string, Publisher>} what this session feeds */
    this.publishers = new Map();
    /** @type {Map<string, any>} how this session opened them */
    this._opening = new Map();
    /** @type {Set<string>} */
    this._attached = new Set();
    /** @type {Map<string, Answer>} answers that go on, by our name for them */
    this._asked = new Map();
    this._requests = new Requests((event) => this.link.send(event));
    /** What the service is to tell of. */
    this.watches = new Watches(this._requests);
    this.link.addEventListener("event", (e) => this._take(/** @type {any} */ (e).detail));
    this.link.addEventListener("sent", (e) => this._tell("sent", /** @type {any} */ (e).detail));
    this.link.addEventListener("status", (e) => this._status(/** @type {any} */ (e).detail));
  }

  get status() {
    return this.link.status;
  }

  get session() {
    return this.link.session;
  }

  start() {
    this.link.connect();
  }

  close() {
    this.link.close();
  }

  /** Wait until the service has greeted us. @returns {Promise<void>} */
  connected() {
    return new Promise((resolve, reject) => {
      const look = () => {
        const { state, error } = this.status;
        if (state === "connected") resolve();
        else if (state === "closed") reject(error ?? new LongwatchError("closed", "it was closed"));
        else return;
        this.removeEventListener("status", look);
      };
      this.addEventListener("status", look);
      look();
    });
  }

  /**
   * Ask. The answer is an async iterable of text: `for await (const piece of client.ask("..."))`.
   * @param {string} question
   * @param {AskOptions} [options]
   */
  ask(question, options = {}) {
    const name = this._requests.name();
    const answer = new Answer((one) => {
      if (!one.id || !this.link.send({ type: "response.cancel", response_id: one.id })) {
        one.fail(new LongwatchError("cancelled", "the answer was cancelled before it began"));
      }
    });
    const response = request(question, name, options);
    if (this.link.send({ type: "response.create", event_id: name, response })) {
      this._asked.set(name, answer);
    } else {
      answer.fail(new LongwatchError("connection_lost", "there is no connection; ask again when there is"));
    }
    return answer;
  }

  /**
   * Feed a stream, new or taken up again.
   * @param {string} stream
   * @param {{fps?: number | null, format?: string, policy?: Record<string, any>}} [options]
   * @returns {Promise<Publisher>}
   */
  async publish(stream, { fps, format = "image", policy = {} } = {}) {
    const opening = { stream, source: { kind: "push", format, fps }, policy };
    const opened = await this._open(opening);
    const publisher = new Publisher(this.link, opened, () => {
      this.publishers.delete(stream);
      this.link.send({ type: "lw.stream.close", stream });
    });
    this.publishers.set(stream, publisher);
    this._opening.set(stream, opening);
    this._attached.add(stream);
    return publisher;
  }

  /** Follow a stream's state and statistics. @param {string} stream */
  async attach(stream) {
    const mine = (/** @type {Event} */ e) => e.type === "lw.stream.state" && e.stream === stream;
    const state = await this._requests.request({ type: "lw.stream.attach", stream }, mine);
    this._attached.add(stream);
    return state;
  }

  /** Follow it no more. @param {string} stream */
  detach(stream) {
    if (this._attached.delete(stream)) this.link.send({ type: "lw.stream.detach", stream });
  }

  /**
   * Ask for something over HTTP, as JSON.
   * @param {string} path such as `/v1/streams`
   * @param {{method?: string, body?: any}} [options]
   */
  async http(path, { method = "GET", body } = {}) {
    const headers = { ...this.link.headers(), ...(body ? { "Content-Type": "application/json" } : {}) };
    const init = { method, headers, body: body ? JSON.stringify(body) : undefined };
    const response = await fetch(this.link.base + path, init);
    const told = await response.json().catch(() => ({}));
    if (!response.ok) throw fromWire(told.error, response.status);
    return told;
  }

  /** The streams that there are. @returns {Promise<any[]>} */
  async streams() {
    return (await this.http("/v1/streams")).data;
  }

  /** @param {any} opening @returns {Promise<any>} */
  _open(opening) {
    const mine = (/** @type {Event} */ e) => e.type === "lw.stream.opened" && e.stream === opening.stream;
    return this._requests.request({ type: "lw.stream.open", ...opening }, mine);
  }

  /** @param {Event} event */
  _take(event) {
    this._requests.take(event);
    this._answered(event);
    if (event.type === "lw.stream.stats") {
      this.publishers.get(event.stream)?.take(event);
      this._tell("stats", event);
    } else if (event.type === "lw.stream.state") {
      this._tell("state", event);
    } else if (event.type.startsWith("lw.watch.") && this.watches.take(event)) {
      if (event.type === "lw.watch.fired") this._tell("fired", event);
    }
    this._tell("event", event);
  }

  /** Hand an event to the answer that it is about. @param {Event} event */
  _answered(event) {
    const refused = event.type === "error" ? event.error.event_id : undefined;
    for (const [name, answer] of this._asked) {
      const id = event.response?.id ?? event.response_id;
      const created = event.type === "response.created" && event.response.metadata?.ask === name;
      if (created || (id && id === answer.id)) answer.take(event);
      if (refused === name) answer.fail(fromWire(event.error));
      if (answer.ended) this._asked.delete(name);
    }
  }

  /** @param {import("./client/link.js").LinkStatus} status */
  _status(status) {
    if (status.state === "connected") this._back(status.resumed);
    this._tell("status", status);
  }

  /** Take up again what an earlier connection did. @param {boolean} resumed */
  _back(resumed) {
    if (!resumed) {
      const lost = new LongwatchError("connection_lost", "the connection was lost; ask again");
      for (const answer of this._asked.values()) answer.fail(lost);
      this._asked.clear();
      this._requests.fail(lost);
      this.watches.back().catch((error) => this._tell("lost", { error }));
      for (const stream of this._attached) {
        if (!this.publishers.has(stream)) this.attach(stream).catch((e) => this._tell("lost", { stream, error: e }));
      }
    }
    for (const [stream, publisher] of this.publishers) {
      this._open(this._opening.get(stream)).then(
        (opened) => publisher.reopened(opened),
        (error) => {
          publisher.closed = true;
          this.publishers.delete(stream);
          this._tell("lost", { stream, error });
        },
      );
    }
  }

  /** @param {string} kind @param {any} detail */
  _tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
