/// <reference lib="dom" />

/** Folds the contents list on narrow screens, and marks the section that is being read. */
export function followContents(): void {
  const list = document.querySelector<HTMLDetailsElement>(".contents details");
  if (!list) return;
  const narrow = matchMedia("(max-width: 65.99rem)");
  const fold = () => list.open = !narrow.matches;
  fold();
  narrow.addEventListener("change", fold);

  const links = new Map<string, HTMLAnchorElement>();
  for (const link of list.querySelectorAll("a")) {
    links.set(decodeURIComponent(link.hash.slice(1)), link);
  }
  const headings = [...links.keys()].map((id) => document.getElementById(id)).filter((h) =>
    h !== null
  );
  let scheduled = false;
  const mark = () => {
    scheduled = false;
    const line = innerHeight * 0.25;
    let current = headings[0];
    for (const heading of headings) {
      if (heading.getBoundingClientRect().top > line) break;
      current = heading;
    }
    for (const [id, link] of links) {
      if (id === current?.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(mark);
  }, { passive: true });
  mark();
}
