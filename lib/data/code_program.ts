/**
 * Random programs: the same kind of function in any of fifteen languages.
 *
 * Identifiers, functions and texts come from lists that the languages share, so that a snippet's
 * language shows in how things are written and not in what they are called.
 */
import { CODE_LANGUAGES, type CodeLanguage, type LanguageName } from "./code_languages.ts";
import type { Random } from "./random.ts";

const list = (text: string) => text.split(" ");
const NOUNS = list(
  "count total index value result items data user name size limit score node left right key temp " +
    "width height price queue buffer offset level sum maximum start finish",
);
const VERBS = list(
  "compute process update find load save parse check merge filter convert handle build reset",
);
const METHODS = list("add push get remove contains append insert clear");
const TEXTS = ["done", "error", "hello", "value:", "not found", "ok", "invalid input", "start"];
const COUNTERS = ["i", "j", "k", "idx"];

/** Statements and how often each is written, relative to the others. */
const STATEMENTS = [
  ["declare", 5],
  ["assign", 4],
  ["print", 1.2],
  ["return", 1],
  ["call", 2],
  ["comment", 0.8],
  ["method", 2],
  ["list", 0.4],
  ["if", 2],
  ["for", 1.3],
  ["while", 0.6],
] as const;
const SIMPLE = STATEMENTS.filter(([kind]) => !["if", "for", "while"].includes(kind));

/** The lines of one random function in `language`. */
export function randomProgram(language: LanguageName, random: Random): string[] {
  return new ProgramWriter(CODE_LANGUAGES[language], random).write();
}

class ProgramWriter {
  readonly #syntax: CodeLanguage;
  readonly #random: Random;
  readonly #camelCase: boolean;
  readonly #indent: string;
  readonly #terminator: string;
  readonly #lines: string[] = [];
  readonly #names = new Set<string>();
  #depth = 0;

  constructor(syntax: CodeLanguage, random: Random) {
    this.#syntax = syntax;
    this.#random = random;
    this.#camelCase = random.chance(0.5);
    this.#indent = random.pick(["\t", "    ", "  "]);
    const { semicolons } = syntax;
    const ends = semicolons === "always" || (semicolons === "sometimes" && random.chance(0.7));
    this.#terminator = ends ? ";" : "";
  }

  write(): string[] {
    const f = this.#random.pick(VERBS);
    const parameters: string[] = [];
    const a = this.#declare(parameters);
    const b = this.#declare(parameters);
    const F = f[0].toUpperCase() + f.slice(1);
    const header = fill(this.#random.pick(this.#syntax.functionHeader), { f, F, a, b });
    this.#block(header, () => this.#body(parameters, 2, this.#random.between(4, 8)));
    return this.#lines;
  }

  #emit(line: string): void {
    this.#lines.push(this.#indent.repeat(this.#depth) + line);
  }

  #statement(template: string, parts: Record<string, string>): void {
    this.#emit(fill(template, parts) + this.#terminator);
  }

  #block(header: string, body: () => void, elseBody?: () => void): void {
    const { open, close } = this.#syntax;
    // "do |i|" already opens Ruby's block.
    this.#emit(header + open);
    this.#depth++;
    body();
    this.#depth--;
    if (elseBody) {
      this.#emit(this.#syntax.else);
      this.#depth++;
      elseBody();
      this.#depth--;
    }
    if (close) this.#emit(close);
  }

  #body(names: readonly string[], depth: number, count: number): void {
    const scope = [...names];
    let comments = 0;
    for (let i = 0; i < count; i++) {
      const kinds = depth > 0 ? STATEMENTS : SIMPLE;
      const [kind] = kinds[this.#random.weighted(kinds.map(([, weight]) => weight))];
      const last = i === count - 1;
      if (kind === "comment") comments++;
      // Nothing follows a return, and a block of comments alone would be none to Python.
      const misplaced = kind === "return" ? !last : last && comments === count;
      this.#write(misplaced ? "assign" : kind, scope, depth);
    }
  }

  #write(kind: (typeof STATEMENTS)[number][0], scope: string[], depth: number): void {
    const random = this.#random, syntax = this.#syntax;
    const inner = (names: readonly string[] = scope) => () =>
      this.#body(names, depth - 1, random.between(1, 2));
    switch (kind) {
      case "declare": {
        const e = this.#expression(scope);
        const templates = e.includes(".") ? syntax.declareFloat : syntax.declareInteger;
        this.#statement(random.pick(templates), { x: this.#declare(scope), e });
        break;
      }
      case "list": {
        const list = Array.from({ length: random.between(2, 4) }, () => this.#number()).join(", ");
        this.#statement(random.pick(syntax.declareList), { x: this.#declare(scope), list });
        break;
      }
      case "assign":
        this.#assign(scope);
        break;
      case "print":
        if (random.chance(0.6)) {
          this.#statement(random.pick(syntax.printValue), { e: this.#use(scope) });
        } else this.#statement(random.pick(syntax.printText), { s: random.pick(TEXTS) });
        break;
      case "return":
        this.#statement(syntax.return, { e: this.#expression(scope) });
        break;
      case "call": {
        const values = Array.from({ length: random.between(1, 2) }, () => this.#use(scope));
        this.#statement(`${random.pick(VERBS)}(${values.join(", ")})`, {});
        break;
      }
      case "method": {
        const member = random.pick(syntax.member) + random.pick(METHODS);
        this.#statement(`${this.#use(scope)}${member}(${this.#use(scope)})`, {});
        break;
      }
      case "comment":
        this.#emit(`${syntax.comment} ${random.pick(VERBS)} the ${random.pick(NOUNS)}`);
        break;
      case "if":
        this.#block(
          fill(syntax.if, { c: this.#condition(scope) }),
          inner(),
          random.chance(0.25) ? inner() : undefined,
        );
        break;
      case "while":
        this.#block(fill(syntax.while, { c: this.#condition(scope) }), inner());
        break;
      case "for": {
        const counter = random.pick(COUNTERS);
        const template = random.pick(syntax.for);
        // A loop over the elements of something needs a name, not a number.
        const counts = /0|1:|range|times/.test(template);
        const n = counts && random.chance(0.4) ? String(random.between(2, 99)) : this.#use(scope);
        const header = fill(template, { i: this.#variable(counter), n });
        this.#block(header, inner([...scope, counter]));
        break;
      }
    }
  }

  #assign(scope: readonly string[]): void {
    const random = this.#random, { assignment, increment } = this.#syntax;
    const x = this.#use(scope);
    const way = random.float();
    if (increment && way < 0.2) this.#statement(`${x}++`, {});
    else if (assignment === "=" && way < 0.6) {
      this.#statement(`${x} ${random.pick(["+=", "-=", "*="])} ${this.#expression(scope)}`, {});
    } else this.#statement(`${x} ${assignment} ${this.#expression(scope)}`, {});
  }

  #number(): string {
    const random = this.#random;
    if (random.chance(0.75)) return String(random.between(0, 200));
    return (random.below(5000) / 100).toFixed(2);
  }

  #expression(scope: readonly string[]): string {
    const random = this.#random;
    const way = random.float();
    const x = this.#use(scope);
    if (way < 0.35) return x;
    if (way < 0.6) return this.#number();
    if (way >= 0.9) return `${random.pick(VERBS)}(${x})`;
    const y = random.chance(0.5) ? this.#use(scope) : this.#number();
    return `${x} ${random.pick("+-*/%")} ${y}`;
  }

  #condition(scope: readonly string[]): string {
    const random = this.#random;
    const comparison = () => {
      const y = random.chance(0.6) ? this.#number() : this.#use(scope);
      return `${this.#use(scope)} ${random.pick(["<", ">", "==", "<=", ">=", "!="])} ${y}`;
    };
    const first = comparison();
    return random.chance(0.15) ? `${first} ${this.#syntax.and} ${comparison()}` : first;
  }

  /** A variable in scope, as the language writes it. */
  #use(scope: readonly string[]): string {
    return this.#variable(this.#random.pick(scope));
  }

  #variable(name: string): string {
    return (this.#syntax.sigil ?? "") + name;
  }

  /** Adds a name to the scope and returns it as the language writes it. */
  #declare(scope: string[]): string {
    const name = this.#newName();
    scope.push(name);
    return this.#variable(name);
  }

  /** A name that the program has not used yet, so that no declaration hides or repeats another. */
  #newName(): string {
    const random = this.#random;
    for (;;) {
      const first = random.pick(NOUNS);
      const second = random.chance(0.3) ? random.pick(NOUNS) : "";
      const joined = this.#camelCase
        ? second && second[0].toUpperCase() + second.slice(1)
        : second && `_${second}`;
      const name = first + joined;
      if (this.#names.has(name)) continue;
      this.#names.add(name);
      return name;
    }
  }
}

/** Puts `parts` in the place of their names; braces around anything else stay. */
function fill(template: string, parts: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (braced, name) => parts[name] ?? braced);
}
