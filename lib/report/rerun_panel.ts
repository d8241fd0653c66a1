import { type Html, jsonScript, markup } from "./html.ts";
import type { PageContext } from "./page_context.ts";
import type { Plan } from "./rerun/experiment.ts";

/**
 * The box from which a reader runs an experiment in the browser. Without JavaScript it says so; with
 * it, page/rerun.ts brings it to life and loads `assets/rerun/EXPERIMENT.js` when it is started.
 */
export function rerunPanel(plan: Plan, page: PageContext): Html {
  const id = page.uniqueId(`rerun-${plan.experiment.replaceAll("_", "-")}`);
  return markup`
    <section class="rerun" id="${id}" aria-labelledby="${id}-title" data-plan="${id}-plan">
    <p class="rerun-title" id="${id}-title">Rerun here</p>
    <p class="rerun-what">${plan.title}, on the device that you read this on. The results are checked first;
    nothing leaves this page.</p>
    <noscript><p class="rerun-advice">This needs JavaScript.</p></noscript>
    <div class="rerun-controls" hidden>
    <button type="button" class="rerun-start primary">Run on this device</button>
    <button type="button" class="rerun-stop" hidden>Stop</button>
    </div>
    <div class="rerun-progress" hidden>
    <progress max="1" value="0" aria-labelledby="${id}-stage"></progress>
    <span class="rerun-stage" id="${id}-stage"></span>
    </div>
    <div class="rerun-status" role="status"></div>
    <div class="rerun-results"></div>
    ${jsonScript(`${id}-plan`, plan)}
    </section>
  `;
}
