import type { AddedToken } from "./added_tokens.ts";
import { eachText } from "./each_text.ts";
import { Tokenizer } from "./tokenizer.ts";

/**
 * A tokenizer with further tokens, each found whole in the text before anything else happens to it;
 * what Hugging Face's `add_tokens(AddedToken(content, normalized=False))` does.
 *
 * Tokens that exist keep their ids; new ones are numbered behind the last id. A model needs as many
 * rows of word embeddings as the new vocabulary has tokens: see `withVocabulary` of lib/nn.
 *
 * ```ts
 * import { addTokens, trainWordPiece } from "cutloss/text/mod.ts";
 *
 * const plain = trainWordPiece(["to be or not to be"], { vocabSize: 30 });
 * const marked = addTokens(plain, ["[NEWLINE]"]);
 * console.log(marked.encode("to be [NEWLINE] or not").tokens);
 * ```
 *
 * @throws TypeError if `contents` is one string, or has an item that is empty or no string
 */
export function addTokens(tokenizer: Tokenizer, contents: readonly string[]): Tokenizer {
  const json = tokenizer.toJson() as {
    added_tokens?: AddedToken[];
    model: { vocab: Record<string, number> };
  };
  const present = json.added_tokens ?? [];
  let last = -1;
  for (const id of Object.values(json.model.vocab)) last = Math.max(last, id);
  for (const { id } of present) last = Math.max(last, id);
  const added = [...new Set(eachText(contents, "contents", "token"))]
    .filter((content) => !present.some((token) => token.content === content))
    .map((content): AddedToken => {
      if (content === "") throw new TypeError("contents has an empty token; expected characters.");
      return {
        id: tokenizer.tokenToId(content) ?? ++last,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: false,
      };
    });
  return Tokenizer.fromJson({ ...json, added_tokens: [...present, ...added] });
}
