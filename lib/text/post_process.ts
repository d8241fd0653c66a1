import { Encoding } from "./encoding.ts";
import { JsonFields, show, unsupported } from "./json_fields.ts";

/** A part of a template: one of the two texts, or a token put in between. */
type Piece =
  | { sequence: 0 | 1; typeId: number }
  | { ids: number[]; typeId: number };

/** What is done to the encodings of one or two texts before they are handed out. */
export interface PostProcessor {
  /** Take blanks out of the offsets; the value says whether the first blank was put in by us. */
  trimOffsets: { addPrefixSpace: boolean } | null;
  /** How one text is framed, and how two are put together; null if they are just joined. */
  single: Piece[] | null;
  pair: Piece[] | null;
}

/** What a tokenizer.json's `post_processor` asks for. */
export function readPostProcessor(value: unknown): PostProcessor {
  const result: PostProcessor = { trimOffsets: null, single: null, pair: null };
  if (value === null || value === undefined) return result;
  const fields = new JsonFields(value, "post_processor");
  const type = fields.any("type");
  if (type === "Sequence") {
    for (const part of fields.array("processors").map(readPostProcessor)) {
      if (part.single && result.single) {
        throw unsupported("post_processor", "Sequence of two templates", "one template at most");
      }
      result.trimOffsets = part.trimOffsets ?? result.trimOffsets;
      result.single = part.single ?? result.single;
      result.pair = part.pair ?? result.pair;
    }
  } else if (type === "ByteLevel") {
    fields.boolean("use_regex", true); // Belongs to the pre-tokeniser.
    result.trimOffsets = readTrimOffsets(fields);
  } else if (type === "TemplateProcessing") {
    const special = readSpecialTokens(fields.any("special_tokens"));
    result.single = readTemplate(fields.array("single"), special, "single");
    result.pair = readTemplate(fields.array("pair"), special, "pair");
  } else if (type === "BertProcessing" || type === "RobertaProcessing") {
    const isBert = type === "BertProcessing";
    const start: Piece = { ids: [readTokenId(fields, "cls")], typeId: 0 };
    const stop = (typeId: number): Piece => ({ ids: [readTokenId(fields, "sep")], typeId });
    const second = isBert ? 1 : 0;
    result.single = [start, { sequence: 0, typeId: 0 }, stop(0)];
    // RoBERTa has two separators between the texts, and one type for both.
    result.pair = [...result.single, ...(isBert ? [] : [stop(0)])];
    result.pair.push({ sequence: 1, typeId: second }, stop(second));
    if (!isBert) result.trimOffsets = readTrimOffsets(fields);
  } else {
    throw unsupported(
      "post_processor",
      type,
      "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and Sequence",
    );
  }
  fields.done();
  return result;
}

function readTrimOffsets(fields: JsonFields): PostProcessor["trimOffsets"] {
  const addPrefixSpace = fields.boolean("add_prefix_space", true);
  return fields.boolean("trim_offsets", true) ? { addPrefixSpace } : null;
}

function readTokenId(fields: JsonFields, key: string): number {
  const value = fields.array(key);
  if (value.length !== 2 || typeof value[1] !== "number") {
    throw new TypeError(
      `tokenizer.json: post_processor.${key} was ${show(value)}; expected a token and its id.`,
    );
  }
  return value[1];
}

function readSpecialTokens(value: unknown): Map<string, number[]> {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(
      `tokenizer.json: post_processor.special_tokens was ${show(value)}; expected an object.`,
    );
  }
  return new Map(
    Object.entries(value).map(([name, entry]) => {
      const fields = new JsonFields(entry, `post_processor.special_tokens["${name}"]`);
      const ids = fields.array("ids") as number[];
      for (const key of ["id", "tokens"]) fields.any(key); // They name what the ids stand for.
      fields.done();
      return [name, ids];
    }),
  );
}

function readTemplate(list: unknown[], special: Map<string, number[]>, key: string): Piece[] {
  return list.map((entry, index): Piece => {
    const where = `post_processor.${key}[${index}]`;
    const outer = new JsonFields(entry, where);
    const sequence = outer.any("Sequence"), token = outer.any("SpecialToken");
    outer.done();
    const fields = new JsonFields(sequence ?? token, where);
    const typeId = fields.count("type_id");
    if (typeId > 255) {
      throw new RangeError(`tokenizer.json: ${where}.type_id was ${typeId}; expected at most 255.`);
    }
    if (sequence !== null) {
      return { sequence: fields.choice("id", ["A", "B"]) === "A" ? 0 : 1, typeId };
    }
    const name = fields.string("id");
    const ids = special.get(name);
    if (!ids) {
      throw new Error(
        `tokenizer.json: ${where} names "${name}", which post_processor.special_tokens lacks.`,
      );
    }
    return { ids, typeId };
  });
}

/** How many tokens the template adds to one text, or to two. */
export function countTemplateTokens(processor: PostProcessor, isPair: boolean): number {
  const pieces = (isPair ? processor.pair : processor.single) ?? [];
  return pieces.reduce((sum, piece) => sum + ("ids" in piece ? piece.ids.length : 0), 0);
}

/** Puts the encodings of one or two texts into the template. */
export function applyTemplate(
  processor: PostProcessor,
  encodings: Encoding[],
  addSpecialTokens: boolean,
  tokenOf: (id: number) => string | undefined,
): Encoding {
  const pieces = encodings.length > 1 ? processor.pair : processor.single;
  if (!pieces) {
    return Encoding.join(encodings.map((encoding, index) => encoding.withType(index)));
  }
  const parts = pieces.flatMap((piece): Encoding[] => {
    if ("sequence" in piece) return [encodings[piece.sequence].withType(piece.typeId)];
    if (!addSpecialTokens) return [];
    const length = piece.ids.length;
    return [
      new Encoding({
        ids: Uint32Array.from(piece.ids),
        offsets: new Uint32Array(2 * length),
        typeIds: new Uint8Array(length).fill(piece.typeId),
        specialTokensMask: new Uint8Array(length).fill(1),
        attentionMask: new Uint8Array(length).fill(1),
      }, tokenOf),
    ];
  });
  return Encoding.join(parts.length > 0 ? parts : [encodings[0].slice(0, 0)]);
}
