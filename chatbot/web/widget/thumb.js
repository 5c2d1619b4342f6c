/** The small buttons under answers and on suggestions, and the word beside them; loaded with the first of them. */

import { adopt, h } from "./dom.js";
import { label } from "./i18n.js";
import { icon } from "./icons.js";

const STYLE = `
.tool { display: grid; place-items: center; flex: none; width: 30px; height: 30px; border-radius: 9px; color: var(--muted); }
.tool:hover { color: var(--text); background: var(--soft); }
.tool[aria-pressed="true"] { color: var(--accent); background: var(--tint); }
.note { margin-inline-start: 6px; color: var(--muted); font-size: 12.5px; }
`;
let styled = false;

/** A button that shows the icon `name` and is called what the words `key` say. */
export function tool(name, key, values, onclick, attributes = {}) {
  return label(h("button", { type: "button", class: "tool", onclick, ...attributes }, icon(name, 17)), key, values);
}

/** A line that screen readers announce when it changes. `root`: the shadow root that it and its buttons live in. */
export function note(root) {
  if (!styled) adopt(root, STYLE);
  styled = true;
  return h("span", { class: "note", role: "status" });
}
