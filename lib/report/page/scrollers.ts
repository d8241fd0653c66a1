/// <reference lib="dom" />

const BOXES = ".scroll, .math-scroll";

/** Lets the keyboard reach boxes that scroll sideways, and only while they do. */
export function focusScrollers(root: ParentNode = document): void {
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth + 1) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of root.querySelectorAll(BOXES)) observer.observe(box);
}
