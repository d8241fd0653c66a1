/// <reference lib="dom" />

/** Calls `listener` when the window has got another width and stays so for a moment. */
export function onWidthChange(listener: () => void): void {
  let width = innerWidth;
  let timer: ReturnType<typeof setTimeout> | undefined;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(listener, 120);
  });
}
