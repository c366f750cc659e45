/** Puts the page together. */
import { Client } from "../longwatch.js";
import { Alerts } from "./alerts.js";
import { Chat } from "./chat.js";
import { Connection, keptKey } from "./connection.js";
import { Current } from "./current.js";
import { get } from "./dom.js";
import { Log } from "./log.js";
import { Pictures } from "./pictures.js";
import { Source } from "./source.js";
import { Sparks } from "./sparks.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";

const client = new Client(location.origin, { key: keptKey() });
const pictures = new Pictures(client);
const current = new Current(client);
const stage = new Stage(current, pictures);
const source = new Source(client, current, stage);
const chat = new Chat(current, pictures);
const timeline = new Timeline(current, pictures);
const alerts = new Alerts(current, pictures);
new Sparks(current, chat);
new Log(client);
const connection = new Connection(client);

chat.addEventListener("jump", (e) => timeline.jump(/** @type {any} */ (e).detail));
chat.addEventListener("answered", (e) => {
  const { question, answer } = /** @type {any} */ (e).detail;
  for (const [stream, at] of Object.entries(answer.asOf)) timeline.mark("question", stream, at, `${question} → ${answer.text}`);
});
alerts.addEventListener("fired", (e) => {
  const { stream, pts_us, text } = /** @type {any} */ (e).detail;
  timeline.mark("alert", stream, pts_us, text ?? "");
});

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    get("question").focus();
  } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    chat.stop();
  }
});
window.addEventListener("pagehide", () => source.stop());

connection.begin();
await client.connected().catch(() => {}); // the connection says it on the page

const wanted = new URLSearchParams(location.search);
const stream = wanted.get("stream");
if (stream) {
  /** @type {HTMLInputElement} */ (document.querySelector("[name=source][value=existing]")).checked = true;
  source.choose("existing");
  await source.attach(stream);
  const question = wanted.get("q");
  if (question) chat.ask(question);
}
