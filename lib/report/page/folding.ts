/// <reference lib="dom" />

/** Makes the button that unfolds the code of all cells, and folds it again. */
export function addFolding(): void {
  const button = document.querySelector<HTMLButtonElement>(".unfold-all");
  const cells = document.querySelectorAll<HTMLDetailsElement>("details.code");
  if (!button || cells.length === 0) return;
  let open = false;
  button.hidden = false;
  button.addEventListener("click", () => {
    open = !open;
    for (const cell of cells) cell.open = open;
    button.textContent = open ? "Hide all code" : "Show all code";
  });
}
