/** Blocks of Unicode where tokenizers go wrong, lone surrogates among them. */
const BLOCKS = [
  [0x0, 0x80],
  [0x20, 0x7f],
  [0x61, 0x7b],
  [0x80, 0x250],
  [0x300, 0x370],
  [0x370, 0x530],
  [0x5d0, 0x700],
  [0x900, 0xe80],
  [0x1100, 0x1200],
  [0x1680, 0x1681],
  [0x2000, 0x2070],
  [0x2150, 0x2190],
  [0x2600, 0x27c0],
  [0x3000, 0x3100],
  [0x4e00, 0x4f00],
  [0xac00, 0xad00],
  [0xd800, 0xe000],
  [0xe000, 0xe010],
  [0xfe00, 0x10000],
  [0x10000, 0x10400],
  [0x1d400, 0x1d800],
  [0x1f300, 0x1fa00],
  [0x20000, 0x20100],
  [0xe0000, 0xe0200],
  [0x10fff0, 0x110000],
];

const GLUE = [" ", " ", "  ", "\n", "\t", "'s", "'", "'ll", "<|end|>", "the", "a", "1", "\u00a0"];

/** A random string of up to `most` pieces: code points from {@link BLOCKS}, blanks, contractions. */
export function randomString(random: () => number, most: number): string {
  let out = "";
  for (let i = Math.floor(random() * most); i > 0; i--) {
    if (random() < 0.3) out += GLUE[Math.floor(random() * GLUE.length)];
    else {
      const [low, high] = BLOCKS[Math.floor(random() * BLOCKS.length)];
      out += String.fromCodePoint(low + Math.floor(random() * (high - low)));
    }
  }
  return out;
}
