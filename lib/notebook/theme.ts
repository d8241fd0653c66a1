/** Colours of one theme. */
export interface ThemeColours {
  /** The ground of figures and pages. */
  paper: string;
  /** Text and axis lines; at least 7:1 against the ground. */
  ink: string;
  /** Tick labels and notes; at least 4.5:1. */
  muted: string;
  /** Grid lines. */
  grid: string;
  /** Fills that stay in the background, such as bands and empty tiles. */
  fill: string;
  /** Colours of series, in order; each at least 3:1 against the ground. */
  series: readonly string[];
}

/**
 * The colours of figures, in light and in dark: the entries of one correspond to those of the other.
 *
 * The series follow Okabe and Ito ("Color Universal Design", 2008), who chose hues that people with
 * any common colour blindness tell apart; yellow and sky blue are replaced, because they vanish on
 * white, and the others are lightened for dark grounds.
 */
export const theme: { light: ThemeColours; dark: ThemeColours } = {
  light: {
    paper: "#ffffff",
    ink: "#1f2328",
    muted: "#59636e",
    grid: "#e3e7eb",
    fill: "#eef1f4",
    series: ["#0072b2", "#d55e00", "#00896a", "#b8558f", "#8f7000", "#5b6470"],
  },
  dark: {
    paper: "#14171c",
    ink: "#e6e9ed",
    muted: "#a4adb8",
    grid: "#2c323a",
    fill: "#222830",
    series: ["#4aa8e8", "#f2854a", "#2fc49b", "#e299c6", "#d6b13c", "#aab3be"],
  },
};

/** The family of all text in figures: Inter, or what the viewer has. */
export const FONT_FAMILY = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** Dashes and marker shapes of series, so that no series is told by its colour alone. */
export const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"] as const;
export const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x"] as const;

/** From little to much, for heat maps: Cividis, made for colour blindness too. */
export const COLOUR_SCALE = "Cividis";
