/** The source: chosen, started, stopped, and what is said where that fails. */
import { button, el, get } from "./dom.js";
import { fieldsOf, isSent, qualityOf } from "./fields.js";
import { cameras, explain, forbidden, openCamera, openScreen } from "./media.js";

/**
 * @typedef {import("../longwatch.js").Client} Client
 * @typedef {import("../longwatch.js").Publisher} Publisher
 * @typedef {import("./current.js").Current} Current
 * @typedef {import("./stage.js").Stage} Stage
 * @typedef {import("./fields.js").Kind} Kind
 */

const VERBS = { webcam: "Start the webcam", screen: "Share the screen", file: "Play the file", pull: "Connect", existing: "Watch" };
const INVITES = {
  webcam: ["Show it something", "The webcam's pictures go to the service and nowhere else. Then ask about them."],
  screen: ["Show it your screen", "You choose which window or screen it sees."],
  file: ["Play a video as if it were live", "The file stays here; its pictures are sent as it plays."],
  pull: ["Watch a network camera", "The service connects to it by itself, and again whenever it drops."],
  existing: ["Watch what runs already", "Ask about a stream that a camera or a program feeds."],
};

export class Source {
  /** @param {Client} client @param {Current} current @param {Stage} stage */
  constructor(client, current, stage) {
    this.client = client;
    this.current = current;
    this.stage = stage;
    /** @type {Kind} */
    this.kind = "webcam";
    this.form = /** @type {HTMLFormElement} */ (get("controls"));
    /** @type {{publisher: Publisher, stop: () => void, settings: any} | null} */
    this.running = null;
    this.pulled = "";
    this.form.addEventListener("submit", (e) => {
      e.preventDefault();
      this._press();
    });
    this.form.addEventListener("change", () => this._adjust());
    get("sources").addEventListener("change", (e) => this.choose(/** @type {any} */ (e.target).value));
    client.addEventListener("lost", (e) => this._lost(/** @type {any} */ (e).detail));
    client.addEventListener("status", () => client.link.open && this.list());
    setInterval(() => this.kind === "existing" && !document.hidden && this.list(), 3000);
    this.choose("webcam");
  }

  /** @param {Kind} kind */
  choose(kind) {
    this.stop();
    this.kind = kind;
    this._draw(false);
    this._invite();
    if (kind === "existing") this.list();
    if (kind === "webcam") this._list_cameras();
  }

  /** Watch a stream that there is. @param {string} name */
  async attach(name) {
    this.stage.say("Connecting", `to the stream ${name}`);
    this.current.turn(name);
    try {
      await this.client.attach(name);
      this.stage.watch();
    } catch (error) {
      this.current.turn(null);
      this._trouble(explain(error, "file"));
    }
  }

  stop() {
    const { running } = this;
    this.running = null;
    if (!running) return;
    running.stop();
    running.publisher.close();
  }

  /** Read which streams there are into the choice of streams. */
  async list() {
    const select = this.form.elements.namedItem("stream");
    if (!(select instanceof HTMLSelectElement) || !this.client.link.open) return;
    const streams = await this.client.streams().catch(() => []);
    const texts = streams.map((one) => `${one.stream} (${one.state})`);
    if (texts.join() === [...select.options].map((o) => o.text).join()) return;
    const chosen = select.value || this.current.name;
    const options = streams.map((one, i) => el("option", { value: one.stream, selected: one.stream === chosen }, texts[i] ?? ""));
    select.replaceChildren(...options);
    if (!options.length) select.append(el("option", { value: "" }, "none so far"));
  }

  async _press() {
    if (this.running) {
      this.stop();
      this._draw(false);
      return;
    }
    const data = new FormData(this.form);
    const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
    if (this.kind === "existing") {
      if (text("stream")) await this.attach(text("stream"));
    } else if (this.kind === "pull") {
      await this._pull(text);
    } else {
      await this._send(text, data.get("file"));
    }
  }

  /** @param {(name: string) => string} text */
  async _pull(text) {
    const source = { kind: "pull", url: text("url"), transport: text("transport"), username: text("username") || undefined, password: text("password") || undefined };
    this.stage.say("Connecting", `to ${source.url}`);
    try {
      await this.client.http("/v1/streams", { method: "POST", body: { stream: text("name"), source } });
      await this.attach(text("name"));
    } catch (error) {
      this._trouble(explain(error, "file"));
    }
  }

  /** Send pictures from this page. @param {(name: string) => string} text @param {any} file */
  async _send(text, file) {
    const kind = /** @type {"webcam" | "screen" | "file"} */ (this.kind);
    const barred = kind === "file" ? null : forbidden();
    if (barred) {
      this._trouble(barred);
      return;
    }
    this.stage.say("Opening", kind === "file" ? file.name : `the ${kind === "webcam" ? "camera" : "screen"}`);
    let stop = () => {};
    try {
      stop = await this._play(kind, text("camera"), file);
      const fps = Number(text("fps"));
      const publisher = await this.client.publish(text("name"), { fps: null }); // all that is sent is wanted
      const taking = publisher.capture(this.stage.video, { fps, ...qualityOf(text("quality")) });
      const halt = () => (taking.stop(), stop());
      this.running = { publisher, stop: halt, settings: taking.settings };
      this.current.turn(publisher.stream);
      this.stage.send(publisher, Boolean(text("mirror")));
      this._draw(true);
      if (kind === "webcam") this._list_cameras();
    } catch (error) {
      stop();
      this._trouble(explain(error, kind), error, text("name"));
    }
  }

  /** @param {Kind} kind @param {string} camera @param {any} file @returns {Promise<() => void>} */
  async _play(kind, camera, file) {
    const { video } = this.stage;
    if (kind === "file") {
      const url = URL.createObjectURL(file);
      video.srcObject = null;
      video.loop = true;
      video.src = url;
      await video.play();
      return () => (video.pause(), video.removeAttribute("src"), video.load(), URL.revokeObjectURL(url));
    }
    const media = await (kind === "webcam" ? openCamera(camera) : openScreen());
    video.srcObject = media;
    await video.play();
    for (const track of media.getTracks()) track.onended = () => this.running && this._press(); // unplugged, or no more shared
    return () => {
      for (const track of media.getTracks()) track.stop();
      video.srcObject = null;
    };
  }

  /** Settings that can change while it runs. */
  _adjust() {
    if (!this.running) return;
    const data = new FormData(this.form);
    Object.assign(this.running.settings, qualityOf(String(data.get("quality"))));
    this.stage.mirror(data.has("mirror"));
  }

  /** @param {boolean} running */
  _draw(running) {
    const same = this.form.dataset.kind === this.kind; // what was typed stays
    const kept = same ? [...this.form.children].slice(0, -1) : fieldsOf(this.kind);
    this.form.dataset.kind = this.kind;
    const press = el("button", { type: "submit", class: running ? "stop" : "primary" }, running ? "Stop" : "Start");
    this.form.replaceChildren(...kept, press);
    for (const name of ["camera", "name", "fps", "file"]) {
      const field = this.form.elements.namedItem(name);
      if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.disabled = running;
    }
    if (running) return;
    const [title, text] = /** @type {[string, string]} */ (INVITES[this.kind]);
    this.stage.rest(title, text, button(VERBS[this.kind], () => this.form.requestSubmit(), "primary"));
  }

  _invite() {
    const barred = this.kind === "webcam" || this.kind === "screen" ? forbidden() : null;
    if (barred) this.stage.say(barred.title, barred.text, [], "trouble");
  }

  /** @param {import("./media.js").Trouble} trouble @param {any} [error] @param {string} [name] */
  _trouble(trouble, error, name) {
    const again = button("Try again", () => this.form.requestSubmit(), "primary");
    const taken = error?.code === "publisher_taken" && name;
    const watch = taken ? [button("Watch it instead", () => this._watch_taken(name))] : [];
    if (taken) trouble = { title: `Somebody feeds “${name}” already`, text: "Watch what they send, or choose another name below." };
    this.stage.say(trouble.title, trouble.text, [again, ...watch], "trouble");
  }

  /** @param {string} name */
  async _watch_taken(name) {
    /** @type {HTMLInputElement} */ (document.querySelector("[name=source][value=existing]")).checked = true;
    this.choose("existing");
    await this.attach(name);
  }

  /** @param {{stream: string, error: any}} lost */
  _lost(lost) {
    if (this.running?.publisher.stream !== lost.stream) return;
    this.stop();
    this._draw(false);
    this._trouble(explain(lost.error, "file"), lost.error, lost.stream);
  }

  async _list_cameras() {
    const select = this.form.elements.namedItem("camera");
    if (!(select instanceof HTMLSelectElement)) return;
    const named = (await cameras()).filter((camera) => camera.label);
    if (!named.length) return;
    const options = named.map((camera) => el("option", { value: camera.deviceId }, camera.label));
    select.replaceChildren(...options);
  }
}
