/// <reference lib="dom" />

const BOXES = ".scroll, .math-scroll, .still, .live";

/** Lets the keyboard reach boxes that scroll, and only while they do. */
export function focusScrollers(root: ParentNode = document): void {
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = target;
      const scrolls = scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 1;
      if (scrolls) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of root.querySelectorAll(BOXES)) observer.observe(box);
}
