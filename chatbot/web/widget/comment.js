/** The line in which a shopper may say what was wrong with an answer; loaded after a thumb down. */

import { adopt, h } from "./dom.js";
import { say } from "./i18n.js";

const STYLE = `
.comment { display: flex; gap: 8px; margin-block-start: 6px; }
.comment input { flex: 1; min-width: 0; padding: 6px 12px; border: 1px solid var(--edge); border-radius: 12px; background: var(--surface); font-size: 14px; }
.comment button { padding-inline: 12px; border-radius: 12px; color: var(--on-accent); background: var(--accent); font-size: 13px; font-weight: 600; }
`;
let styled = false;

/** `send(words)` resolves to whether the comment was taken; the form stays until it was. */
export function commentForm(root, send) {
  if (!styled) adopt(root, STYLE);
  styled = true;
  const field = h("input", { type: "text", maxlength: 500, autocomplete: "off" });
  say(say(field, "what_was_wrong", {}, "placeholder"), "what_was_wrong", {}, "aria-label");
  const onsubmit = async (event) => {
    event.preventDefault();
    const words = field.value.trim();
    if (!words || (await send(words))) form.remove();
  };
  const form = h("form", { class: "comment", onsubmit }, field, say(h("button", { type: "submit" }), "tell"));
  return form;
}
