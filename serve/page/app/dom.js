/** Elements, made and found. Text is only ever set as text. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [fields] properties; `class`, `data-*`, `aria-*`, `role` and `for` are attributes
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, fields = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    if (/^(class|for|role|data-|aria-)/.test(name)) made.setAttribute(name, value);
    else /** @type {any} */ (made)[name] = value;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function get(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return /** @type {T} */ (found);
}

/** @param {string} tag @param {Record<string, string | number>} fields @param {...Node} children */
export function svg(tag, fields = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(fields)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** @param {string} text @param {() => void} onclick @param {string} [kind] */
export function button(text, onclick, kind = "quiet") {
  return el("button", { type: "button", class: kind, onclick }, text);
}

/** Copy, and say so on the button. @param {HTMLButtonElement} pressed @param {string} text */
export async function copy(pressed, text) {
  const label = pressed.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "The browser forbids it";
  }
  setTimeout(() => (pressed.textContent = label), 1500);
}
