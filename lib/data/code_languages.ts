/**
 * How fifteen programming languages write the same dozen statements.
 *
 * Templates name their parts in braces: `{x}` the variable, `{e}` an expression, `{c}` a condition,
 * `{i}` a counter, `{n}` a bound, `{f}` a function, `{a}` and `{b}` its parameters, `{s}` a text,
 * `{list}` numbers. What several templates say, programmers say in several ways.
 */

/** The languages' names as they stand in a data set's `language` column. */
export const LANGUAGE_NAMES = [
  "c",
  "cpp",
  "csharp",
  "go",
  "java",
  "javascript",
  "kotlin",
  "php",
  "python",
  "r",
  "ruby",
  "rust",
  "scala",
  "swift",
  "typescript",
] as const;

/** One of {@linkcode LANGUAGE_NAMES}. */
export type LanguageName = (typeof LANGUAGE_NAMES)[number];

/** One language's syntax. */
export interface CodeLanguage {
  /** Whether statements end with a semicolon. */
  readonly semicolons: "always" | "never" | "sometimes";
  readonly comment: "//" | "#";
  /** What stands before a variable's name. */
  readonly sigil?: "$";
  /** What opens and closes a block; Python closes none. */
  readonly open: string;
  readonly close?: string;
  readonly else: string;
  readonly and: string;
  readonly increment: boolean;
  readonly assignment: string;
  readonly declareInteger: readonly string[];
  readonly declareFloat: readonly string[];
  readonly declareList: readonly string[];
  readonly if: string;
  readonly while: string;
  readonly for: readonly string[];
  readonly printValue: readonly string[];
  readonly printText: readonly string[];
  readonly return: string;
  readonly member: readonly string[];
  readonly functionHeader: readonly string[];
}

const BRACES = { open: " {", close: "}", else: "} else {" } as const;
const C_LIKE = {
  ...BRACES,
  semicolons: "always",
  comment: "//",
  and: "&&",
  increment: true,
  assignment: "=",
  if: "if ({c})",
  while: "while ({c})",
  return: "return {e}",
  member: ["."],
} as const;
/** Braces, but no semicolons and no `++`. */
const MODERN = { ...C_LIKE, semicolons: "never", increment: false } as const;
/** `if` and loops without parentheses. */
const BARE = { if: "if {c}", while: "while {c}" } as const;
const SCRIPT_LOOPS = ["for (let {i} = 0; {i} < {n}; {i}++)", "for (const {i} of {n})"] as const;

/** The syntax of each language. */
export const CODE_LANGUAGES: Readonly<Record<LanguageName, CodeLanguage>> = {
  c: {
    ...C_LIKE,
    declareInteger: ["int {x} = {e}", "int {x} = {e}", "long {x} = {e}"],
    declareFloat: ["double {x} = {e}", "float {x} = {e}"],
    declareList: ["int {x}[] = { {list} }"],
    for: ["for (int {i} = 0; {i} < {n}; {i}++)"],
    printValue: ['printf("%d\\n", {e})'],
    printText: ['printf("{s}\\n")', 'puts("{s}")'],
    member: [".", "->"],
    functionHeader: ["int {f}(int {a}, int {b})", "static int {f}(int {a}, int {b})"],
  },
  cpp: {
    ...C_LIKE,
    declareInteger: ["int {x} = {e}", "auto {x} = {e}"],
    declareFloat: ["double {x} = {e}", "auto {x} = {e}"],
    declareList: ["std::vector<int> {x} = { {list} }"],
    for: ["for (int {i} = 0; {i} < {n}; ++{i})", "for (auto {i} : {n})"],
    printValue: ["std::cout << {e}", "cout << {e} << endl", 'printf("%d\\n", {e})'],
    printText: ['std::cout << "{s}"', 'cout << "{s}" << endl', 'printf("{s}\\n")'],
    member: [".", ".", "->"],
    functionHeader: ["int {f}(int {a}, int {b})", "int {f}(int {a}, const int& {b})"],
  },
  csharp: {
    ...C_LIKE,
    declareInteger: ["int {x} = {e}", "var {x} = {e}"],
    declareFloat: ["double {x} = {e}", "var {x} = {e}"],
    declareList: ["int[] {x} = { {list} }", "var {x} = new[] { {list} }"],
    for: ["for (int {i} = 0; {i} < {n}; {i}++)", "foreach (var {i} in {n})"],
    printValue: ["Console.WriteLine({e})"],
    printText: ['Console.WriteLine("{s}")'],
    functionHeader: ["public int {F}(int {a}, int {b})", "static int {F}(int {a}, int {b})"],
  },
  go: {
    ...MODERN,
    ...BARE,
    increment: true,
    declareInteger: ["{x} := {e}", "{x} := {e}", "var {x} int = {e}"],
    declareFloat: ["{x} := {e}", "var {x} float64 = {e}"],
    declareList: ["{x} := []int{ {list} }"],
    while: "for {c}",
    for: ["for {i} := 0; {i} < {n}; {i}++", "for {i} := range {n}"],
    printValue: ["fmt.Println({e})"],
    printText: ['fmt.Println("{s}")'],
    functionHeader: ["func {f}({a} int, {b} int) int", "func {f}({a}, {b} int) int"],
  },
  java: {
    ...C_LIKE,
    declareInteger: ["int {x} = {e}", "int {x} = {e}", "long {x} = {e}", "var {x} = {e}"],
    declareFloat: ["double {x} = {e}", "var {x} = {e}"],
    declareList: ["int[] {x} = { {list} }"],
    for: ["for (int {i} = 0; {i} < {n}; {i}++)", "for (int {i} : {n})"],
    printValue: ["System.out.println({e})"],
    printText: ['System.out.println("{s}")'],
    functionHeader: ["public int {f}(int {a}, int {b})", "static int {f}(int {a}, int {b})"],
  },
  javascript: {
    ...C_LIKE,
    semicolons: "sometimes",
    declareInteger: ["let {x} = {e}", "const {x} = {e}", "var {x} = {e}"],
    declareFloat: ["let {x} = {e}", "const {x} = {e}", "var {x} = {e}"],
    declareList: ["const {x} = [{list}]"],
    for: SCRIPT_LOOPS,
    printValue: ["console.log({e})"],
    printText: ['console.log("{s}")'],
    functionHeader: ["function {f}({a}, {b})", "const {f} = ({a}, {b}) =>"],
  },
  kotlin: {
    ...MODERN,
    declareInteger: ["val {x} = {e}", "var {x} = {e}", "val {x}: Int = {e}"],
    declareFloat: ["val {x} = {e}", "var {x} = {e}", "val {x}: Double = {e}"],
    declareList: ["val {x} = listOf({list})"],
    for: ["for ({i} in 0 until {n})", "for ({i} in {n})"],
    printValue: ["println({e})"],
    printText: ['println("{s}")'],
    functionHeader: ["fun {f}({a}: Int, {b}: Int): Int"],
  },
  php: {
    ...C_LIKE,
    sigil: "$",
    declareInteger: ["{x} = {e}"],
    declareFloat: ["{x} = {e}"],
    declareList: ["{x} = [{list}]", "{x} = array({list})"],
    for: ["for ({i} = 0; {i} < {n}; {i}++)", "foreach ({n} as {i})"],
    printValue: ["echo {e}"],
    printText: ['echo "{s}"'],
    member: ["->"],
    functionHeader: ["function {f}({a}, {b})"],
  },
  python: {
    semicolons: "never",
    comment: "#",
    open: ":",
    else: "else:",
    and: "and",
    increment: false,
    assignment: "=",
    ...BARE,
    declareInteger: ["{x} = {e}"],
    declareFloat: ["{x} = {e}"],
    declareList: ["{x} = [{list}]"],
    for: ["for {i} in range({n})", "for {i} in {n}"],
    printValue: ["print({e})"],
    printText: ['print("{s}")'],
    return: "return {e}",
    member: ["."],
    functionHeader: ["def {f}({a}, {b})"],
  },
  r: {
    ...MODERN,
    comment: "#",
    assignment: "<-",
    declareInteger: ["{x} <- {e}", "{x} <- {e}", "{x} = {e}"],
    declareFloat: ["{x} <- {e}", "{x} <- {e}", "{x} = {e}"],
    declareList: ["{x} <- c({list})"],
    for: ["for ({i} in 1:{n})", "for ({i} in {n})"],
    printValue: ["print({e})"],
    printText: ['print("{s}")', 'cat("{s}\\n")'],
    return: "return({e})",
    member: ["$"],
    functionHeader: ["{f} <- function({a}, {b})"],
  },
  ruby: {
    semicolons: "never",
    comment: "#",
    open: "",
    close: "end",
    else: "else",
    and: "&&",
    increment: false,
    assignment: "=",
    ...BARE,
    declareInteger: ["{x} = {e}"],
    declareFloat: ["{x} = {e}"],
    declareList: ["{x} = [{list}]"],
    for: ["{n}.times do |{i}|", "for {i} in {n}", "{n}.each do |{i}|"],
    printValue: ["puts {e}"],
    printText: ['puts "{s}"'],
    return: "return {e}",
    member: ["."],
    functionHeader: ["def {f}({a}, {b})"],
  },
  rust: {
    ...MODERN,
    ...BARE,
    semicolons: "always",
    declareInteger: ["let {x} = {e}", "let mut {x} = {e}", "let {x}: i32 = {e}"],
    declareFloat: ["let {x} = {e}", "let mut {x} = {e}", "let {x}: f64 = {e}"],
    declareList: ["let {x} = vec![{list}]"],
    for: ["for {i} in 0..{n}", "for {i} in {n}.iter()"],
    printValue: ['println!("{}", {e})', 'println!("{:?}", {e})'],
    printText: ['println!("{s}")'],
    functionHeader: ["fn {f}({a}: i32, {b}: i32) -> i32", "pub fn {f}({a}: i32, {b}: i32) -> i32"],
  },
  scala: {
    ...MODERN,
    declareInteger: ["val {x} = {e}", "var {x} = {e}", "val {x}: Int = {e}"],
    declareFloat: ["val {x} = {e}", "var {x} = {e}", "val {x}: Double = {e}"],
    declareList: ["val {x} = List({list})"],
    for: ["for ({i} <- 0 until {n})", "for ({i} <- {n})"],
    printValue: ["println({e})"],
    printText: ['println("{s}")'],
    functionHeader: ["def {f}({a}: Int, {b}: Int): Int ="],
  },
  swift: {
    ...MODERN,
    ...BARE,
    declareInteger: ["let {x} = {e}", "var {x} = {e}", "let {x}: Int = {e}"],
    declareFloat: ["let {x} = {e}", "var {x} = {e}", "let {x}: Double = {e}"],
    declareList: ["let {x} = [{list}]"],
    for: ["for {i} in 0..<{n}", "for {i} in {n}"],
    printValue: ["print({e})"],
    printText: ['print("{s}")'],
    functionHeader: [
      "func {f}({a}: Int, {b}: Int) -> Int",
      "func {f}(_ {a}: Int, _ {b}: Int) -> Int",
    ],
  },
  typescript: {
    ...C_LIKE,
    semicolons: "sometimes",
    declareInteger: ["let {x} = {e}", "const {x} = {e}", "const {x}: number = {e}"],
    declareFloat: ["let {x} = {e}", "const {x} = {e}", "let {x}: number = {e}"],
    declareList: ["const {x} = [{list}]", "const {x}: number[] = [{list}]"],
    for: SCRIPT_LOOPS,
    printValue: ["console.log({e})"],
    printText: ['console.log("{s}")'],
    functionHeader: [
      "function {f}({a}: number, {b}: number): number",
      "const {f} = ({a}: number, {b}: number) =>",
    ],
  },
};
