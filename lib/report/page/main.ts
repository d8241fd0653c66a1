/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * What an exported page does in the browser. It is bundled into one classic script, since browsers
 * load no modules from disk; without it a page is still whole, only still.
 */
import { addCopyButtons } from "./copy.ts";
import { followContents } from "./contents.ts";
import { drawFigures } from "./figures.ts";
import { addFolding } from "./folding.ts";
import { focusScrollers } from "./scrollers.ts";
import { addThemeSwitch } from "./theme.ts";

addThemeSwitch();
addFolding();
addCopyButtons();
followContents();
focusScrollers();
drawFigures();
