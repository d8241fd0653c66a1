/// <reference lib="dom" />
import type { FailureKind } from "../rerun/experiment.ts";

const SERVE =
  "In the folder of this page run “python3 -m http.server 8000” (or any other web server) and open " +
  "http://localhost:8000/";

/** What to do where the browser offers no WebGPU. */
export function withoutWebGpu(): string[] {
  const page = location.pathname.split("/").at(-1);
  if (!isSecureContext) {
    return [
      "Browsers offer WebGPU to pages from https, from localhost and from disk only, and this page " +
      `came from ${location.host}.`,
      `${SERVE}${page}.`,
    ];
  }
  const advice = [
    "This browser offers no WebGPU. Chrome and Edge have it from version 113 (Android 121), Safari " +
    "from 26, Firefox from 141 on Windows and 145 on Macs.",
    "On Linux start Chromium with --enable-unsafe-webgpu --enable-features=Vulkan; without a GPU " +
    "also with --use-webgpu-adapter=swiftshader, which computes on the processor.",
  ];
  if (location.protocol === "file:") {
    advice.push(`Some browsers keep it from pages that were opened from disk. ${SERVE}${page}.`);
  }
  return advice;
}

/** What to do after an experiment failed. */
export function adviceFor(kind: FailureKind): string[] {
  switch (kind) {
    case "no-adapter":
      return [
        "The browser has WebGPU, but no device to run it on: look at chrome://gpu or about:support, " +
        "update the graphics driver, and switch graphics acceleration on in the browser’s settings.",
        "On a computer without a GPU, Chromium computes on the processor if it is started with " +
        "--enable-unsafe-webgpu --use-webgpu-adapter=swiftshader.",
      ];
    case "lost":
      return [
        "The browser or the driver took the device away, as they do when a run takes too long or the " +
        "memory is short. Close other programs that use the GPU and run again; if it happens " +
        "again, restart the browser. What was measured before stays below.",
      ];
    case "wrong":
      return [
        "Nothing was measured, because results that are wrong cannot be compared. Update the " +
        "graphics driver or the browser; the JSON file says what differed.",
      ];
    case "error":
      return ["What was measured before stays below; the rest of the page does not depend on it."];
  }
}
