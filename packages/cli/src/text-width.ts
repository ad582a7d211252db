/** Text measured in columns of a terminal, where an emoji takes two and an accent none; cut and wrapped by that measure. */
import stringWidth from "string-width";

const plain = /^[\x20-\x7e]*$/;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** How many columns the text takes. */
export function textWidth(text: string): number {
  return plain.test(text) ? text.length : stringWidth(text);
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
  return plain.test(text) ? [...text] : [...graphemes.segment(text)].map(({ segment }) => segment);
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
