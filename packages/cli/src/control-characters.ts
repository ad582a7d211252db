/** Characters that would steer the terminal: a name in the registry must not move the cursor, hide lines or turn the text around. */

/** C0, DEL and C1; halves of characters; and what changes the direction of text or ends a line. */
const steering = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** The text with each of them as `\u001b`, so that JSON stays the same JSON. Line feeds and tabs stay. */
export function escapeControls(text: string): string {
  return text.replace(steering, (character) =>
    character === "\n" || character === "\t" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text on one line: line breaks and tabs are spaces, and other control characters escaped. */
export function oneLine(text: string): string {
  return escapeControls(text.replace(/[\t\r\n ]+/g, " ").trim());
}

/** A value of JSON with every text in it on one line; the names of its fields stay. */
export function withOneLines<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_name, part: unknown) => (typeof part === "string" ? oneLine(part) : part)) as T;
}
