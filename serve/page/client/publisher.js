/** What feeds one stream: pictures with a 28-byte header, as many as the line and the model take. */

/** @typedef {import("./link.js").Link} Link */

const HEADER = 28;
const IMAGE = 1;
const END = 4;
const CAPTURED = 4; // the flag of a valid captured_at
const FULL = 500_000; // bytes that wait to be sent, beyond which pictures are skipped

export class Publisher extends EventTarget {
  /**
   * @param {Link} link
   * @param {any} opened the event `lw.stream.opened`
   * @param {() => void} leave lets the stream go
   */
  constructor(link, opened, leave) {
    super();
    /** The stream's name. */
    this.stream = opened.stream;
    this.sent = 0;
    /** Pictures not sent, as the line or the model was behind. */
    this.skipped = 0;
    this.closed = false;
    this._link = link;
    this._leave = leave;
    this._begun = performance.now();
    this._acked = -1;
    this._sequence = 0;
    this.reopened(opened);
  }

  /** The stream was opened anew, after the connection was gone. @param {any} opened */
  reopened(opened) {
    this._handle = opened.handle;
    this._sequence = 0;
    this._acked = -1;
    this.accepted = opened.accepted ?? {};
  }

  /** Take in the stream's statistics. @param {any} stats */
  take(stats) {
    if (typeof stats.acked_seq === "number") this._acked = stats.acked_seq;
  }

  /** Whether a picture would be sent now. */
  get ready() {
    const most = this._link.session?.lw?.limits?.max_inflight ?? 32;
    const under_way = this._sequence - 1 - this._acked;
    return !this.closed && this._link.open && this._link.buffered < FULL && under_way < most;
  }

  /**
   * Send a JPEG, PNG or WebP file; returns false where it was skipped.
   * @param {ArrayBuffer | Uint8Array<ArrayBuffer> | Blob} picture
   * @param {{time?: number, capturedAt?: number}} [when] `time` is in seconds since the publisher
   *   began, `capturedAt` in milliseconds since 1970; left out, both are now
   * @returns {Promise<boolean>}
   */
  async send(picture, when = {}) {
    const time = when.time ?? (performance.now() - this._begun) / 1000;
    const captured = when.capturedAt ?? Date.now();
    const bytes = new Uint8Array(picture instanceof Blob ? await picture.arrayBuffer() : picture);
    if (!this.ready) {
      this.skipped += 1;
      return false;
    }
    this._packet(IMAGE, time, captured, bytes);
    this.sent += 1;
    return true;
  }

  /**
   * Send what a canvas shows.
   * @param {HTMLCanvasElement | OffscreenCanvas} canvas
   * @param {{quality?: number, time?: number, capturedAt?: number}} [options]
   */
  async sendCanvas(canvas, { quality = 0.8, ...when } = {}) {
    if (!this.ready) {
      this.skipped += 1;
      return false;
    }
    const moment = { time: (performance.now() - this._begun) / 1000, capturedAt: Date.now(), ...when };
    return this.send(await encode(canvas, quality), moment);
  }

  /**
   * Send what a video element shows, until `stop()` of what is returned is called.
   * @param {HTMLVideoElement} video
   * @param {{fps?: number, quality?: number, width?: number}} [options] `width` is the most pixels
   */
  capture(video, options = {}) {
    const settings = { fps: 2, quality: 0.8, width: 640, ...options };
    const canvas = new OffscreenCanvas(2, 2);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    let [next, busy, stopped] = [0, false, false];
    const take = async () => {
      const now = performance.now();
      if (busy || !video.videoWidth || video.ended || now < next) return;
      next = Math.max(next + 1000 / settings.fps, now + 500 / settings.fps);
      busy = true;
      const share = Math.min(1, settings.width / video.videoWidth);
      canvas.width = Math.max(2, Math.round(video.videoWidth * share));
      canvas.height = Math.max(2, Math.round(video.videoHeight * share));
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      try {
        await this.sendCanvas(canvas, settings);
      } finally {
        busy = false;
      }
    };
    const onFrame = () => {
      if (stopped) return;
      take();
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    const timer = setInterval(take, 500); // a tab in the background draws no frames
    const stop = () => {
      stopped = true;
      clearInterval(timer);
    };
    return { settings, stop };
  }

  /** Say that nothing more comes; the stream has ended. */
  end() {
    if (!this.closed) this._packet(END, (performance.now() - this._begun) / 1000, 0, new Uint8Array());
    this.closed = true;
  }

  /** Leave the stream; it keeps its memory and waits for the next publisher. */
  close() {
    if (this.closed) return;
    this.closed = true;
    this._leave();
  }

  /**
   * @param {number} kind
   * @param {number} time seconds
   * @param {number} captured milliseconds since 1970, 0 for unknown
   * @param {Uint8Array} payload
   */
  _packet(kind, time, captured, payload) {
    const message = new Uint8Array(HEADER + payload.length);
    const view = new DataView(message.buffer);
    view.setUint8(0, 1);
    view.setUint8(1, kind);
    view.setUint8(2, captured ? CAPTURED : 0);
    view.setUint8(3, HEADER / 4);
    view.setUint32(4, this._handle);
    view.setUint32(8, this._sequence);
    view.setBigUint64(12, BigInt(Math.round(time * 1e6)));
    view.setBigUint64(20, BigInt(Math.round(captured * 1000)));
    message.set(payload, HEADER);
    if (this._link.sendBytes(message.buffer)) this._sequence = (this._sequence + 1) % 2 ** 32;
  }
}

/**
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @param {number} quality
 * @returns {Promise<Blob>}
 */
function encode(canvas, quality) {
  if (canvas instanceof OffscreenCanvas) return canvas.convertToBlob({ type: "image/jpeg", quality });
  return new Promise((resolve, reject) => {
    const done = (/** @type {Blob | null} */ blob) =>
      blob ? resolve(blob) : reject(new Error("the canvas has no pixels"));
    canvas.toBlob(done, "image/jpeg", quality);
  });
}
