import { crc32, deflateSync } from "node:zlib";

/**
 * As much of a browser's canvas as Plotly needs for heat maps and images: rectangles of one colour,
 * pixels put in place, and the picture as a PNG data address.
 */
export class PixelCanvas {
  readonly #pixels: Uint8ClampedArray;
  /** A CSS colour `rgb(…)` or `rgba(…)`, as Plotly writes them. */
  fillStyle = "rgb(0,0,0)";

  constructor(readonly width: number, readonly height: number) {
    this.#pixels = new Uint8ClampedArray(4 * width * height);
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    const [r, g, b, alpha = 1] = (this.fillStyle.match(/[\d.]+/g) ?? []).map(Number);
    const right = Math.min(this.width, Math.round(x + width));
    const bottom = Math.min(this.height, Math.round(y + height));
    for (let row = Math.max(0, Math.round(y)); row < bottom; row++) {
      for (let column = Math.max(0, Math.round(x)); column < right; column++) {
        this.#pixels.set([r, g, b, 255 * alpha], 4 * (row * this.width + column));
      }
    }
  }

  createImageData(width: number, height: number): { data: Uint8ClampedArray } {
    return { data: new Uint8ClampedArray(4 * width * height) };
  }

  /** Puts a picture as wide as the canvas at the top left corner. */
  putImageData(image: { data: Uint8ClampedArray }): void {
    this.#pixels.set(image.data.subarray(0, this.#pixels.length));
  }

  /** The picture as `data:image/png;base64,…` (PNG, third edition: 8 bits RGBA, no filter). */
  toDataURL(): string {
    const { width, height } = this;
    const lines = new Uint8Array(height * (4 * width + 1)); // each line starts with filter type 0
    for (let row = 0; row < height; row++) {
      const line = this.#pixels.subarray(4 * row * width, 4 * (row + 1) * width);
      lines.set(line, row * (4 * width + 1) + 1);
    }
    const header = new Uint8Array(13);
    const view = new DataView(header.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    header.set([8, 6, 0, 0, 0], 8);
    const png = [
      ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
      ...chunk("IHDR", header),
      ...chunk("IDAT", deflateSync(lines)),
      ...chunk("IEND", new Uint8Array(0)),
    ];
    return `data:image/png;base64,${new Uint8Array(png).toBase64()}`;
  }
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
