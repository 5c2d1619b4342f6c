/** The menu in the head of the chat: who is signed in, the language, starting again. Loaded when it is first opened. */

import { adopt, h } from "./dom.js";
import { say } from "./i18n.js";
import { icon } from "./icons.js";

const STYLE = `
.menu { position: absolute; inset-block-start: 60px; inset-inline-end: 14px; z-index: 3; min-width: 204px; padding: 6px; border-radius: 14px; background: var(--surface); box-shadow: 0 0 0 1px var(--line), 0 16px 40px -10px rgb(16 28 24 / 0.35); animation: rise 140ms var(--ease); }
.entry { display: flex; align-items: center; gap: 10px; width: 100%; padding: 9px 11px; border-radius: 9px; text-align: start; }
.entry:hover { background: var(--soft); }
.entry .icon { color: var(--muted); }
.account { padding: 8px 11px 9px; margin-block-end: 5px; border-block-end: 1px solid var(--line); color: var(--muted); font-size: 13px; }
`;

export class Menu {
  /** `button` opens it; `actions`: switchLanguage, restart. */
  constructor(button, panel, actions) {
    adopt(panel.getRootNode(), STYLE);
    this.button = button;
    this.account = h("p", { class: "account", hidden: true });
    const entry = (key, name, run) => h("button", { type: "button", class: "entry", onclick: () => {
      this.toggle(false);
      run();
    } }, icon(name, 18), say(h("span"), key));
    this.node = h("div", { class: "menu", hidden: true }, this.account,
      entry("language", "globe", actions.switchLanguage),
      entry("restart", "restart", actions.restart));
    panel.addEventListener("pointerdown", (event) => {
      if (this.isOpen && !event.composedPath().some((it) => it === this.node || it === button)) this.toggle(false);
    });
  }

  get isOpen() {
    return !this.node.hidden;
  }

  toggle(open) {
    this.node.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (open) this.node.querySelector("button").focus();
  }

  setCustomer(customer) {
    this.account.hidden = !customer?.name;
    if (customer?.name) say(this.account, "signed_in", { name: customer.name });
  }
}
