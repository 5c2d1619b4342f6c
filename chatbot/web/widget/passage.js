/** Shows a passage of a page: paragraphs, lists, tables, and the quoted span marked. */

import { h } from "./dom.js";
import { pieceNode, pieces } from "./text.js";

/**
 * The blocks of a passage. `start` and `end` count characters as Python does (code points); what lies between
 * them is wrapped in `<mark>`. Returns the blocks and the first mark, if any.
 */
export function passage(text, quote, start, end) {
  const span = place(text, quote, start, end);
  const marks = [];
  const blocks = [];
  let table = null;
  let at = 0;
  for (const line of text.split("\n")) {
    const here = at;
    at += line.length + 1;
    const cut = (from, to) => marked(line, from, to, here, span, marks);
    if (/^\s*\|.*\|\s*$/.test(line)) {
      if (/^[\s|:-]+$/.test(line)) continue;
      if (!table) blocks.push(h("div", { class: "table", tabindex: 0 }, (table = h("table"))));
      const cells = [...line.matchAll(/\|([^|]*)(?=\|)/g)];
      const tag = table.rows.length ? "td" : "th";
      table.append(
        h("tr", {}, cells.map((cell) => h(tag, {}, cut(cell.index + 1, cell.index + 1 + cell[1].length)))),
      );
      continue;
    }
    table = null;
    if (line.trim() === "") continue;
    const item = /^\s*([-*•]|\d+[.)])\s+/.exec(line);
    const heading = /^#+\s+/.exec(line);
    const skip = item?.[0].length ?? heading?.[0].length ?? 0;
    const content = cut(skip, line.length);
    if (item) blocks.push(h("p", { class: "item" }, h("span", { class: "bullet" }, /\d/.test(item[1]) ? item[1] : "•"), h("span", {}, content)));
    else blocks.push(h(heading ? "h4" : "p", {}, content));
  }
  return { blocks, mark: marks[0] ?? null };
}

/** The quoted span in JavaScript's own offsets; found by its words where the offsets do not fit the text. */
function place(text, quote, start, end) {
  const points = Array.from(text);
  const from = points.slice(0, start).join("").length;
  const to = from + points.slice(start, end).join("").length;
  if (!quote || text.slice(from, to) === quote) return { from, to };
  const found = text.indexOf(quote);
  return found < 0 ? { from, to } : { from: found, to: found + quote.length };
}

/** The nodes of `line[from:to]`, where `here` is the line's place in the passage. */
function marked(line, from, to, here, span, marks) {
  const out = [];
  for (const piece of pieces(line.slice(from, to))) {
    const first = here + from + piece.from;
    const cuts = [0, span.from - first, span.to - first, piece.text.length]
      .map((cut) => Math.min(Math.max(cut, 0), piece.text.length));
    const [before, inside, after] = [0, 1, 2].map((part) => piece.text.slice(cuts[part], cuts[part + 1]));
    if (before) out.push(pieceNode(piece, before));
    if (inside) out.push((marks[marks.length] = h("mark", {}, pieceNode(piece, inside))));
    if (after) out.push(pieceNode(piece, after));
  }
  return out;
}
