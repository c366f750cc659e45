/** Light, dark, or as the system has it. Loaded first, so that nothing flashes. */

const THEMES = ["auto", "light", "dark"];
const KEPT = "longwatch.theme";

let theme = localStorage.getItem(KEPT) ?? "auto";

function show() {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const shown = document.getElementById("theme");
  if (shown) shown.textContent = `Theme: ${theme}`;
}

show();
document.getElementById("theme")?.addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
  localStorage.setItem(KEPT, theme);
  show();
});
