/** The controls that each kind of source has. */
import { el } from "./dom.js";

/** @typedef {"webcam" | "screen" | "file" | "pull" | "existing"} Kind */

const SENT = ["webcam", "screen", "file"];

/** @param {string} text @param {HTMLElement} input */
function labelled(text, input) {
  return el("label", { class: "field" }, el("span", {}, text), input);
}

/** @param {string} name @param {[string, string][]} options @param {string} chosen */
function choice(name, options, chosen) {
  const made = options.map(([value, text]) => el("option", { value, selected: value === chosen }, text));
  return el("select", { name }, ...made);
}

/** @param {string} name @param {Record<string, any>} [more] */
function input(name, more = {}) {
  return el("input", { name, type: "text", autocomplete: "off", spellcheck: false, ...more });
}

/** @param {Kind} kind @returns {HTMLElement[]} */
export function fieldsOf(kind) {
  const name = () => labelled("Name", input("name", { value: kind === "pull" ? "camera" : kind, maxLength: 64, required: true, size: 9 }));
  const rate = () => labelled("Frames/s", choice("fps", [["0.5", "0.5"], ["1", "1"], ["2", "2"], ["4", "4"], ["8", "8"]], "2"));
  const quality = () => labelled("Quality", choice("quality", [["low", "low"], ["medium", "medium"], ["high", "high"]], "medium"));
  if (kind === "existing") {
    return [labelled("Stream", choice("stream", [], ""))];
  }
  if (kind === "pull") {
    return [
      labelled("Address", input("url", { type: "url", required: true, placeholder: "rtsp://camera.local/stream", class: "wide" })),
      labelled("User", input("username", { size: 8 })),
      labelled("Password", input("password", { type: "password", size: 8, autocomplete: "off" })),
      labelled("Transport", choice("transport", [["auto", "automatic"], ["tcp", "TCP"], ["udp", "UDP"]], "auto")),
      name(),
    ];
  }
  const own = {
    webcam: () => [labelled("Camera", choice("camera", [["", "default"]], ""))],
    screen: () => [],
    file: () => [labelled("Video", input("file", { type: "file", accept: "video/*", required: true }))],
  };
  const mirror = kind === "webcam" ? [el("label", { class: "check" }, el("input", { type: "checkbox", name: "mirror" }), " Mirror")] : [];
  return [...own[kind](), name(), rate(), quality(), ...mirror];
}

/** @param {Kind} kind */
export function isSent(kind) {
  return SENT.includes(kind);
}

/** Pixels across and JPEG quality. @param {string} name */
export function qualityOf(name) {
  const known = { low: [320, 0.6], medium: [640, 0.8], high: [1280, 0.9] };
  const [width, quality] = /** @type {any} */ (known)[name] ?? known.medium;
  return { width, quality };
}
