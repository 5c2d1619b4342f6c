/** The window of the chat: head, log, message box, menu, notices. Knows no network; `actions` does what is asked. */

import { h, icon } from "./dom.js";
import { currentLocale, label, retranslate, say } from "./i18n.js";
import { TurnView } from "./turn.js";
import { inline } from "./text.js";

const PHONE = "(max-width: 480px)";
const MESSAGE_CHARS = 4000;

export class Panel {
  /** `actions`: send, rate, judge, person, restart, switchLanguage, close, passage, base. */
  constructor(actions) {
    this.actions = actions;
    this.turns = new Map();
    this.waiting = 0;
    this.following = true; // keep the newest line in view until the shopper scrolls up
    this.sheet = null;
    this.menu = null;
    this.customer = null;
    this.node = h("section", { class: "panel", part: "panel", role: "dialog", "aria-labelledby": "title", tabindex: -1, hidden: true },
      this.#head(), this.#log(), this.#notice(), this.#composer());
    this.node.addEventListener("keydown", (event) => this.#key(event));
    globalThis.visualViewport?.addEventListener("resize", () => this.#fit());
    this.setLanguage();
  }

  // --- parts -------------------------------------------------------------------------------------------------

  #head() {
    this.shopName = say(h("h2", { id: "title" }), "title");
    this.emblem = h("span", { class: "emblem", "aria-hidden": "true" }, "?");
    this.subtitle = say(h("p", { class: "subtitle" }), "machine");
    this.menuButton = iconButton("dots", "menu", () => this.#toggleMenu());
    this.menuButton.setAttribute("aria-expanded", "false");
    return (this.headNode = h("header", { part: "header" },
      this.emblem,
      h("div", { class: "names" }, this.shopName, this.subtitle),
      this.menuButton,
      iconButton("minimise", "minimise", () => this.actions.close())));
  }

  #log() {
    this.suggestions = h("div", { class: "suggestions" });
    this.simulated = say(h("p", { class: "quiet" }), "simulated_long");
    this.simulated.hidden = true;
    this.welcome = h("div", { class: "welcome" },
      say(h("p", { class: "greeting" }), "greeting"), say(h("p", { class: "quiet" }), "disclosure"), this.simulated, this.suggestions);
    this.progress = h("span", { class: "progress" });
    const dots = h("span", { class: "dots" }, h("i"), h("i"), h("i"));
    // The dots tell what is going on to the eye alone; the log announces the sentences themselves.
    this.typing = h("div", { class: "typing", "aria-hidden": "true", hidden: true }, dots, this.progress);
    this.log = h("div", { class: "log", part: "log", role: "log", "aria-live": "polite", tabindex: 0, onscroll: () => {
      this.following = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
    } }, this.welcome, this.typing);
    say(this.log, "title", {}, "aria-label");
    return this.log;
  }

  #notice() {
    return (this.notice = h("p", { class: "notice", role: "status", hidden: true }));
  }

  #composer() {
    const submit = (event) => {
      event?.preventDefault();
      const text = this.input.value.trim();
      if (!text) return;
      this.input.value = "";
      this.#grow();
      this.actions.send(text);
    };
    const oninput = () => this.#grow();
    const onkeydown = (event) => {
      // While an input method composes Chinese, Enter chooses a word.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) submit(event);
    };
    this.input = h("textarea", { rows: 1, maxlength: MESSAGE_CHARS, enterkeyhint: "send", oninput, onkeydown });
    say(say(this.input, "placeholder", {}, "placeholder"), "message", {}, "aria-label");
    this.sendButton = say(h("button", { type: "submit", class: "send" }, icon("send")), "send", {}, "aria-label");
    const person = h("button", { type: "button", class: "person", onclick: this.actions.person }, icon("person", 18), say(h("span"), "person"));
    this.pill = say(h("span", { class: "pill", hidden: true }), "simulated");
    return (this.foot = h("div", { class: "foot" },
      h("form", { class: "composer", part: "composer", onsubmit: submit }, this.input, this.sendButton),
      h("div", { class: "under" }, person, this.pill)));
  }

  // --- what is shown -----------------------------------------------------------------------------------------

  setShop({ name, simulated }) {
    this.shopName.removeAttribute("data-say-text");
    this.shopName.textContent = name;
    this.emblem.textContent = Array.from(name)[0]?.toUpperCase() ?? "";
    this.simulated.hidden = this.pill.hidden = !simulated;
  }

  setCustomer(customer) {
    this.customer = customer;
    this.menu?.setCustomer(customer);
  }

  /** `bot`, `waiting` or `person`: who answers. */
  setStatus(status) {
    say(this.subtitle, { waiting: "waiting", person: "person_here" }[status] ?? "machine");
  }

  setLanguage() {
    this.node.lang = currentLocale() === "zh" ? "zh-Hans" : "en";
    retranslate(this.node);
  }

  suggest(texts) {
    const button = (text) => h("button", { type: "button", class: "quick", onclick: () => this.actions.send(text) }, text);
    this.suggestions.replaceChildren(...texts.map(button));
  }

  clear() {
    this.sheet?.close();
    this.turns.clear();
    this.waiting = 0;
    this.typing.hidden = true;
    this.log.replaceChildren(this.welcome, this.typing);
    this.suggestions.hidden = false;
    this.setCustomer(null);
    this.setStatus("bot");
    this.tell(null);
  }

  /** Show the shopper's own words at once. */
  addMessage(text) {
    this.suggestions.hidden = true;
    for (const turn of this.turns.values()) turn.settle();
    const node = h("div", { class: "mine", part: "message" }, say(h("span", { class: "hidden" }), "you"), h("p", {}, text));
    this.typing.before(node);
    this.following = true;
    this.follow();
    return node;
  }

  /** The message has arrived where a person will read it. */
  delivered(node) {
    if (!node.querySelector(".quiet")) node.append(say(h("span", { class: "quiet" }), "delivered"));
  }

  /** The view of a turn; made when its first event comes. `message` is the node of the question, if there is one. */
  turn(id, message) {
    let view = this.turns.get(id);
    if (!view) {
      view = new TurnView(id, { openSource: (...it) => this.#openSource(...it), rate: this.actions.rate, judge: this.actions.judge, ask: this.actions.send, grown: () => this.follow(), base: this.actions.base });
      this.turns.set(id, view);
      // The answer stands under its question, even if the shopper has written more meanwhile.
      const anchor = message?.isConnected ? message : this.typing.previousSibling;
      anchor.after(view.node);
    } else if (message?.isConnected && view.node.compareDocumentPosition(message) & Node.DOCUMENT_POSITION_FOLLOWING) {
      message.after(view.node); // one answer to several messages stands under the last of them
    }
    return view;
  }

  drop(id) {
    this.turns.get(id)?.node.remove();
    this.turns.delete(id);
  }


  /** How many answers are awaited; the dots show while there are any. */
  await(change) {
    this.waiting = Math.max(0, this.waiting + change);
    if (change > 0) this.doing("thinking");
    this.typing.hidden = this.waiting === 0;
    this.follow();
  }

  doing(key) {
    say(this.progress, key);
  }

  /** A line above the message box; null takes it away. */
  tell(key, values = {}) {
    this.notice.hidden = key === null;
    if (key === null) this.notice.replaceChildren();
    else this.notice.replaceChildren(icon(key === "offline" ? "offline" : "warning", 18), say(h("span"), key, values));
  }

  /** Mark a message that did not get through, with a way to send it again. */
  failed(node, key, reason, again) {
    node.querySelector(".unsent")?.remove();
    const retry = () => {
      line.remove();
      again();
    };
    const words = reason ? h("span", {}, inline(reason)) : say(h("span"), key);
    const button = again && say(h("button", { type: "button", onclick: retry }), "again");
    const line = h("div", { class: "unsent", role: "alert" }, icon("warning", 16), words, button);
    node.append(line);
    this.follow();
  }

  // --- behaviour ---------------------------------------------------------------------------------------------

  open(draft) {
    this.node.hidden = false;
    const phone = matchMedia(PHONE).matches;
    this.node.setAttribute("aria-modal", String(phone));
    this.#fit();
    if (draft) {
      this.input.value = draft.slice(0, MESSAGE_CHARS);
      this.#grow();
    }
    // On a phone the keyboard would cover the greeting; it comes when the shopper taps the box.
    (phone && !draft ? this.node : this.input).focus();
    this.follow();
  }

  close() {
    this.sheet?.close();
    this.menu?.toggle(false);
    this.node.hidden = true;
  }

  async #toggleMenu() {
    if (!this.menu) {
      const { Menu } = await import("./menu.js");
      this.menu ??= new Menu(this.menuButton, this.node, this.actions);
      this.headNode.after(this.menu.node);
      this.menu.setCustomer(this.customer);
    }
    this.menu.toggle(!this.menu.isOpen);
  }

  async #openSource(citation, number) {
    const { SourceSheet } = await import("./sources.js");
    if (!this.sheet) {
      const { passage, base } = this.actions;
      this.sheet = new SourceSheet({ load: passage, base, onToggle: (open) => this.#cover(open) });
      this.sheet.attach(this.node);
    }
    this.menu?.toggle(false);
    await this.sheet.open(citation, number);
  }

  /** What lies under the sheet is out of reach while it is open. */
  #cover(covered) {
    for (const part of [this.headNode, this.log, this.foot]) part.inert = covered;
  }

  #key(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      if (this.sheet?.close()) return;
      if (this.menu?.isOpen) {
        this.menu.toggle(false);
        this.menuButton.focus();
      } else this.actions.close();
    } else if (event.key === "Tab" && matchMedia(PHONE).matches) this.#keepFocus(event);
  }

  /** On a phone the chat covers the page, so the focus must not wander behind it. */
  #keepFocus(event) {
    const reachable = [...this.node.querySelectorAll("button, textarea, input, a[href], [tabindex='0']")]
      .filter((it) => !it.closest("[hidden], [inert]"));
    const [first, last] = [reachable[0], reachable[reachable.length - 1]];
    const here = this.node.getRootNode().activeElement;
    if (event.shiftKey ? here === first || here === this.node : here === last) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }

  follow() {
    if (this.following) this.log.scrollTop = this.log.scrollHeight;
  }

  #grow() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 132)}px`;
  }

  /** On a phone the chat fills what the on-screen keyboard leaves. */
  #fit() {
    const view = globalThis.visualViewport;
    if (!view || !matchMedia(PHONE).matches) return this.node.style.removeProperty("height");
    this.node.style.setProperty("height", `${view.height}px`);
    this.follow();
  }
}

function iconButton(name, key, onclick) {
  const button = h("button", { type: "button", class: "icon-button", onclick }, icon(name));
  return label(button, key);
}
