/// <reference lib="dom" />

/** A step of a slider: a call of plotly.js, such as "restyle" with its arguments. */
interface Step {
  label: string;
  method: string;
  args: unknown[];
}

/** The part of Plotly's sliders that is used. */
export interface Slider {
  active?: number;
  currentvalue?: { prefix?: string };
  steps: Step[];
}

/**
 * Shows a figure's sliders as controls of the page's own, since those that Plotly draws hear neither
 * a keyboard nor a screen reader; on a figure that is drawn anew they keep their places.
 *
 * @param call calls a function of plotly.js for the figure
 */
export async function showSliders(
  element: HTMLElement,
  sliders: readonly Slider[],
  call: (method: string, args: unknown[]) => Promise<unknown>,
): Promise<void> {
  for (const [i, slider] of sliders.entries()) {
    const known = document.getElementById(idOf(element, i)) as HTMLInputElement | null;
    const input = known ?? makeSlider(element, slider, i, call);
    const step = slider.steps[Number(input.value)];
    if (known && Number(input.value) !== slider.active) await call(step.method, step.args);
  }
}

function idOf(element: HTMLElement, index: number): string {
  return `${element.dataset.plot}-slider-${index}`;
}

function makeSlider(
  element: HTMLElement,
  { active = 0, currentvalue, steps }: Slider,
  index: number,
  call: (method: string, args: unknown[]) => Promise<unknown>,
): HTMLInputElement {
  const row = document.createElement("p");
  row.className = "slider";
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "range", id: idOf(element, index), min: "0", step: "1" });
  input.max = String(steps.length - 1);
  input.value = String(active);
  label.htmlFor = input.id;
  const say = () => {
    const text = `${currentvalue?.prefix ?? ""}${steps[Number(input.value)].label}`;
    label.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  say();
  input.addEventListener("input", () => {
    say();
    const { method, args } = steps[Number(input.value)];
    call(method, args).catch(console.error);
  });
  row.append(label, input);
  element.after(row);
  return input;
}
