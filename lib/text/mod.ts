/**
 * Sub-word tokenizers: Gage's compression, byte-pair encoding on characters step by step,
 * byte-level BPE and WordPiece with training, `tokenizer.json` read and written.
 *
 * @module
 */
export { CharacterBpe, type CharacterMerge, type PairCount } from "./character_bpe.ts";
export { type CompressedPairs, compressPairs, expandPairs, type Replacement } from "./gage.ts";
export { Encoding, type PadOptions } from "./encoding.ts";
export type { AddedToken } from "./added_tokens.ts";
export { addTokens } from "./add_tokens.ts";
export type { JsonObject } from "./json_fields.ts";
export type { Padding, Truncation } from "./lengths.ts";
export { type EncodeOptions, type TextInput, Tokenizer } from "./tokenizer.ts";
export { trainBpe, type TrainBpeOptions } from "./train_bpe.ts";
export { trainWordPiece, type TrainWordPieceOptions } from "./train_word_piece.ts";
export { GPT2_PATTERN, splitGpt2 } from "./gpt2_splitter.ts";
