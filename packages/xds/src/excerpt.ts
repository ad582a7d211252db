/** Text that a client or a hook made up, bounded and well-formed, so that it can be kept, logged and sent. */

/** What stands where something was cut off. */
export const cutMark = " […]";

/** Characters of a refusal's text that are kept, told and searched for names. */
export const refusalLength = 4_096;

/** Characters of a type URL that is not served, as events tell it. */
export const typeUrlLength = 256;

const statusLength = 1_024;

/** The text with at most `limit` characters and the mark; cut at a space if there is one near, so that no name is halved. */
export function excerpt(text: string, limit: number): string {
  if (text.length <= limit) return wellFormed(text);
  const space = text.lastIndexOf(" ", limit);
  return wellFormed(text.slice(0, space > limit - 256 ? space : limit)) + cutMark;
}

/** The text as it may stand in `grpc-message`: a longer one would break the trailers, and a lone surrogate their encoding. */
export function statusMessage(text: string): string {
  return excerpt(text, statusLength);
}

function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
