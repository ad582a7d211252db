/** Text measured in columns of a terminal, where an emoji takes two and an accent none; cut and wrapped by that measure. */

/** Each character of these is one column wide: ASCII, European letters, punctuation, arrows, lines and boxes. */
const plain = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2190-\u2199\u2500-\u257f]*$/;

let measure: ((text: string) => number) | undefined;
let graphemes: Intl.Segmenter | undefined;

/** Loads what is needed to measure `text`, if that is more than plain characters; to be awaited before such texts are laid out. */
export async function prepareWidths(text: string): Promise<void> {
  // The texts of an answer stand in several lines.
  if (measure || plain.test(text.replaceAll("\n", ""))) return;
  measure = (await import("string-width")).default;
}

/** How many columns the text takes; of other than plain characters before `prepareWidths`, at most. */
export function textWidth(text: string): number {
  if (plain.test(text)) return text.length;
  return measure ? measure(text) : 2 * text.length;
}

/** The text in at most `width` columns (1 or more), its middle replaced by `…` where it is longer. */
export function cutMiddle(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const parts = charactersOf(text);
  const head = Math.ceil((width - 1) / 2);
  const tail = width - 1 - head;
  return `${take(parts, head)}…${take(parts.reverse(), tail, true)}`;
}

/** Lines of at most `width` columns, those after the first of `rest`, broken between words; a word that is wider is broken where its line ends. */
export function wrapWords(text: string, width: number, rest = width): string[] {
  const lines: string[] = [];
  let line = "";
  const room = () => (lines.length === 0 ? width : rest);
  for (const word of text.split(/\s+/)) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (textWidth(joined) <= room()) line = joined;
    else {
      if (line !== "") lines.push(line);
      const pieces = breakWord(word, room(), rest);
      line = pieces.pop() ?? "";
      lines.push(...pieces);
    }
  }
  return [...lines, line];
}

/** Pieces of a word of at most `width` columns, those after the first of `rest`; a character that is wider than that is left out. */
function breakWord(word: string, width: number, rest: number): string[] {
  if (textWidth(word) <= width) return [word];
  const pieces: string[] = [];
  let piece = "";
  for (const character of charactersOf(word)) {
    const room = pieces.length === 0 ? width : rest;
    if (textWidth(character) > room) continue;
    if (textWidth(piece + character) > room) {
      pieces.push(piece);
      piece = "";
    }
    piece += character;
  }
  return [...pieces, piece];
}

function charactersOf(text: string): string[] {
  return plain.test(text) ? [...text] : [...segmenter().segment(text)].map(({ segment }) => segment);
}

function segmenter(): Intl.Segmenter {
  graphemes ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return graphemes;
}

/** The first of these characters that fit, or of the last ones in reverse. */
function take(characters: readonly string[], width: number, reversed = false): string {
  let taken = "";
  for (const character of characters) {
    const next = reversed ? character + taken : taken + character;
    if (textWidth(next) > width) break;
    taken = next;
  }
  return taken;
}
