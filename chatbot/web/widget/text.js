/**
 * Turn a line of text into nodes: the few marks that replies and pages use (bold, links), nothing else. Knows no
 * HTML: a tag in a text is shown as the characters that it consists of.
 */

import { h, link, safeUrl } from "./dom.js";

const MARKS = /\*\*([^*\n]+)\*\*|!?\[([^\]\n]*)\]\(([^)\s]*)\)|(https?:\/\/[^\s<>"'）)\]]*[^\s<>"'）)\].,;:!?。，])|([\w.+-]+@[\w-]+(?:\.[\w-]+)+)/g;

/**
 * Cut a line into pieces `{text, from, to, url, bold}`; `from` and `to` are the places of `text` in the line, so
 * that a quoted span can be found again after the marks are gone.
 */
export function pieces(line) {
  const found = [];
  let at = 0;
  for (const match of line.matchAll(MARKS)) {
    if (match.index > at) found.push({ text: line.slice(at, match.index), from: at });
    const [whole, bold, label, target, url, email] = match;
    const start = match.index;
    if (bold !== undefined) found.push({ text: bold, from: start + 2, bold: true });
    else if (label !== undefined) found.push({ text: label, from: start + whole.indexOf("[") + 1, url: target });
    else found.push({ text: url ?? email, from: start, url: url ?? `mailto:${email}` });
    at = start + whole.length;
  }
  if (at < line.length) found.push({ text: line.slice(at), from: at });
  return found;
}

/** A link only where the address is whole; a page's relative link (`returns.md`) shows its label. */
export function pieceNode(piece, text) {
  const address = piece.url && /^(https?|mailto):/i.test(piece.url) ? safeUrl(piece.url) : null;
  const inner = piece.bold ? h("strong", {}, text) : text;
  return address ? link(address, inner) : inner;
}

/** The nodes of one sentence of a reply. */
export function inline(text) {
  const bulleted = text.replace(/(^|\n)[-*] /g, "$1• ");
  return pieces(bulleted).map((piece) => pieceNode(piece, piece.text));
}
