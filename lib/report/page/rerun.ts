/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Brings the boxes to life from which experiments are run: see lib/report/rerun_panel.ts. A script of
 * its own, for pages that have one.
 */
import type { Plan, Report } from "../rerun/experiment.ts";
import type { RunOptions } from "../rerun/run_experiment.ts";
import { loadScript, readJson } from "./load.ts";
import { adviceFor, withoutWebGpu } from "./rerun_advice.ts";
import { showResults } from "./rerun_results.ts";

/** What the script of an experiment defines. */
interface Script {
  run(plan: Plan, options: RunOptions): Promise<Report>;
}

for (const panel of document.querySelectorAll<HTMLElement>(".rerun")) {
  const plan = readJson<Plan>(panel.dataset.plan ?? "");
  if (plan) addRerun(panel, plan);
}

function addRerun(panel: HTMLElement, plan: Plan): void {
  const find = <T extends HTMLElement>(selector: string) => panel.querySelector<T>(selector)!;
  const start = find<HTMLButtonElement>(".rerun-start"), stop = find(".rerun-stop");
  const progress = find<HTMLProgressElement>("progress"), stage = find(".rerun-stage");
  const status = find(".rerun-status");
  const say = (...paragraphs: string[]) =>
    status.replaceChildren(...paragraphs.map((text) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = text;
      return paragraph;
    }));
  find(".rerun-controls").hidden = false;

  let script: Promise<Script> | undefined;
  let controller: AbortController | undefined;
  const setRunning = (running: boolean) => {
    // The focus would fall back to the top of the page from a button that vanishes.
    const keep = panel.contains(document.activeElement) || document.activeElement === document.body;
    start.hidden = running;
    stop.hidden = !running;
    find(".rerun-progress").hidden = !running;
    if (keep) (running ? stop : start).focus({ preventScroll: true });
  };

  start.addEventListener("click", async () => {
    if (!navigator.gpu) return say(...withoutWebGpu());
    controller = new AbortController();
    setRunning(true);
    say();
    try {
      script ??= loadScript(`assets/rerun/${plan.experiment}.js`).then(() =>
        (globalThis as unknown as { cutlossExperiment: Script }).cutlossExperiment
      );
      const report = await (await script).run(plan, {
        signal: controller.signal,
        onStage: ({ text, done }) => {
          progress.value = done;
          stage.textContent = text;
        },
        onReport: (report) => showResults(panel, plan, report),
      });
      showResults(panel, plan, report);
      say(...ending(report));
    } catch (error) {
      script = undefined;
      say((error as Error).message);
    } finally {
      setRunning(false);
      start.textContent = "Run again";
    }
  });
  stop.addEventListener("click", () => {
    controller?.abort();
    stage.textContent = "Stopping after the measurement that is running";
  });
}

/** What is said at the end. */
function ending({ outcome, failure, seconds, adapter, points }: Report): string[] {
  if (outcome === "failed") return [failure!.message, ...adviceFor(failure!.kind)];
  const where = adapter?.description ?? "this device";
  const count = `${points.length} measurements on ${where} in ${seconds.toFixed(0)} s.`;
  return [outcome === "stopped" ? `Stopped. ${count}` : `Finished: ${count}`];
}
