/// <reference lib="dom" />

const KEY = "cutloss-theme";
const NAMES = { automatic: "automatic", light: "light", dark: "dark" } as const;
type Theme = keyof typeof NAMES;
const ORDER: Theme[] = ["automatic", "light", "dark"];

/** An event rather than a list of listeners, so that it reaches other scripts of the page, too. */
const CHANGED = "cutloss-theme-change";

/** Calls `listener` whenever the page turns light or dark. */
export function onThemeChange(listener: () => void): void {
  document.addEventListener(CHANGED, listener);
}

/** Whether the page is dark now. */
export function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Turns the button in the header into a switch: automatic, light, dark. */
export function addThemeSwitch(): void {
  const button = document.querySelector<HTMLButtonElement>(".theme-switch");
  const root = document.documentElement;
  const show = (theme: Theme) => {
    if (button) button.textContent = `Colours: ${NAMES[theme]}`;
  };
  show((root.dataset.theme as Theme | undefined) ?? "automatic");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", notify);
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const now = (root.dataset.theme as Theme | undefined) ?? "automatic";
    const theme = ORDER[(ORDER.indexOf(now) + 1) % ORDER.length];
    if (theme === "automatic") delete root.dataset.theme;
    else root.dataset.theme = theme;
    remember(theme);
    show(theme);
    notify();
  });
}

function remember(theme: Theme): void {
  try {
    if (theme === "automatic") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Some browsers keep nothing for pages from disk: then the choice lasts as long as the page.
  }
}

function notify(): void {
  document.dispatchEvent(new Event(CHANGED));
}
