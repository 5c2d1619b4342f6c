/** The line under an answer: thumbs, copying, and what they come to; loaded with the first answer. Knows no network. */

import { adopt, h } from "./dom.js";
import { say } from "./i18n.js";
import { icon } from "./icons.js";
import { note, tool } from "./thumb.js";

const STYLE = `
.toolbar { display: flex; align-items: center; gap: 2px; margin: 6px 0 0 -7px; }
`;
let styled = false;

/** `rate(rating, comment)` resolves to whether it was taken; `grown()` is called when the answer got longer. */
export function toolbar(text, root, { rate, grown }) {
  if (!styled) adopt(root, STYLE);
  styled = true;
  const said = note(root);
  const thumb = (rating, key) => tool(rating, key, {}, () => press(rating), { "aria-pressed": "false", "data-rating": rating });
  const thumbs = [thumb("up", "good"), thumb("down", "bad")];
  const bar = h("div", { class: "toolbar" }, thumbs, copyButton(text, said), said);

  async function press(rating) {
    for (const button of thumbs) button.setAttribute("aria-pressed", String(button.dataset.rating === rating));
    bar.parentNode.querySelector(".comment")?.remove();
    if (!(await rate(rating))) return;
    say(said, "thanks");
    if (rating !== "down") return;
    const { commentForm } = await import("./comment.js");
    bar.after(commentForm(root, (words) => rate("down", words)));
    grown();
  }
  return bar;
}

function copyButton(text, said) {
  const copy = tool("copy", "copy", {}, async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return; // the browser or the shop's page forbids it; the text can still be selected
    }
    copy.replaceChildren(icon("check", 17));
    say(said, "copied");
    setTimeout(() => copy.replaceChildren(icon("copy", 17)), 2000);
  });
  return copy;
}
