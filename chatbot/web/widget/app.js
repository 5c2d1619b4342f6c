/**
 * The chat application, loaded on the first click. Ties the API to the window: what the shopper does goes to the
 * server, what the server says goes to the screen. The rules of both are elsewhere.
 */

import { Client } from "./api.js";
import { adopt } from "./dom.js";
import { currentLocale, setLocale, t } from "./i18n.js";
import { randomId } from "./memory.js";
import { Panel } from "./panel.js";
import { ApiError, NetworkError, sessionOf } from "./session.js";
import { STYLE } from "./style.js";

/** Before `start`: the words. It waits for nothing afterwards, so that what the page says meanwhile is not lost. */
export { setLocale };

export function start(options) {
  return new Chat(options, sessionOf(options.settings, options.emit));
}

class Chat {
  constructor({ element, settings, emit, identity, context }, session) {
    Object.assign(this, { element, emit, context, session, memory: session.memory });
    this.client = new Client(session, currentLocale);
    this.panel = new Panel({
      base: settings.base,
      send: (text) => this.send(text),
      person: () => this.send(t("person")),
      rate: (turn, rating, comment) => this.#rate(turn, rating, comment),
      judge: (kind, sku) => this.#judge(kind, sku),
      restart: () => this.restart(),
      switchLanguage: () => this.#switchLanguage(),
      close: () => this.close(),
      passage: (id) => this.client.passage(id),
    });
    adopt(element.shadowRoot, STYLE);
    element.shadowRoot.prepend(this.panel.node);
    addEventListener("offline", () => this.isOpen && this.panel.tell("offline"));
    addEventListener("online", () => this.panel.tell(null));
    this.isOpen = false;
    this.restored = null;
    if (identity) this.identify(identity);
  }

  // --- window.Kefu -------------------------------------------------------------------------------------------

  open(draft) {
    const opening = !this.isOpen;
    this.isOpen = true;
    this.panel.open(draft);
    this.element.expanded(true, currentLocale());
    this.memory.save({ open: true });
    this.restored ??= this.#restore();
    if (opening) this.emit("open");
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.panel.close();
    this.element.expanded(false, currentLocale());
    this.element.button.focus();
    this.memory.save({ open: false });
    this.emit("close");
  }

  identify(token) {
    if (this.session.identify(token)) this.#clear();
  }

  setContext(context) {
    this.context = context;
    this.#suggest();
  }

  reset() {
    this.session.forget();
    this.#clear();
    if (this.isOpen) this.panel.input.focus();
  }

  // --- the shopper's acts ------------------------------------------------------------------------------------

  send(text) {
    const message = { id: randomId(), text, turn: null, last: null };
    this.memory.save({ outbox: [...this.memory.data.outbox, { id: message.id, text, turn: null }] });
    this.emit("message", { text });
    this.#deliver(message, this.panel.addMessage(text));
  }

  /** A new conversation of the same session. */
  restart() {
    this.client.stop();
    this.memory.save({ conversation: null, outbox: [] });
    this.panel.clear();
    this.panel.setCustomer(this.memory.data.customer);
    this.panel.input.focus();
  }

  async #rate(turn, rating, comment) {
    try {
      await this.client.feedback(turn, rating, comment);
      return true;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  /** What the shopper thinks of a product that was suggested: the next suggestion knows of it. */
  async #judge(kind, sku) {
    try {
      const { teller } = await import("./events.js");
      teller(this.session).add(kind, sku).flush();
      return true;
    } catch (error) {
      this.#report(error); // the module could not be loaded; the button is as it was
      return false;
    }
  }

  async #switchLanguage() {
    try {
      await setLocale(currentLocale() === "en" ? "zh" : "en");
    } catch (error) {
      this.#report(error); // the words could not be loaded; the menu still offers the switch
      return;
    }
    this.memory.save({ locale: currentLocale() });
    this.panel.setLanguage();
    this.#suggest();
    this.element.expanded(this.isOpen, currentLocale());
  }

  // --- a message and its answer ------------------------------------------------------------------------------

  async #deliver(message, node) {
    this.panel.await(+1);
    const { signal } = this.client.abort;
    try {
      for await (const event of this.client.converse(message, { wait: (n) => this.#wait(n) })) {
        if (signal.aborted) return;
        this.#take(event, message, node);
      }
      if (!signal.aborted) this.#forgetMessage(message.id);
    } catch (error) {
      if (!signal.aborted) this.#notDelivered(error, message, node);
    } finally {
      if (!signal.aborted) this.panel.await(-1);
    }
  }

  #take(event, message, node) {
    if (!navigator.onLine) this.panel.tell("offline");
    else this.panel.tell(null);
    if (event.type === "handedover" && event.reason === "person") {
      this.panel.setStatus(event.reason); // a person has this conversation: the message is kept for them
      this.panel.delivered(node);
      return;
    }
    if (message.shown && message.shown !== message.turn) this.panel.drop(message.shown); // begun anew elsewhere
    if (message.shown !== message.turn) this.#remember(message);
    message.shown = message.turn;
    const view = this.panel.turn(message.turn, node);
    view.take(event);
    const doing = { planned: "thinking", retrieved: "reading", toolran: "checked" }[event.type];
    if (doing) this.panel.doing(doing);
    if (event.type === "handedover") {
      this.panel.setStatus("waiting");
      this.emit("handover", { reason: event.reason });
    }
    if (event.type === "done") {
      const { reply } = event.turn;
      this.emit("reply", { turn: message.turn, text: reply.text, kind: reply.kind, rung: reply.rung });
    }
    if (["done", "failed"].includes(event.type) && !this.isOpen) this.element.badge.hidden = false;
    this.panel.setCustomer(this.memory.data.customer);
    this.panel.follow();
  }

  #notDelivered(error, message, node) {
    this.#report(error);
    const again = () => this.#deliver(message, node);
    if (error instanceof NetworkError) this.panel.failed(node, message.turn ? "broken" : "not_sent", null, again);
    else if (error.status === 429) this.#slowDown(error.retryAfter, () => this.panel.failed(node, "not_sent", null, again));
    else if (error.status < 500) {
      this.#forgetMessage(message.id); // the server will not take it the next time either
      this.panel.failed(node, "not_sent", error.message, null);
    } else this.panel.failed(node, "broken", null, again);
  }

  /** Count the seconds down, then offer to send again. */
  #slowDown(seconds, then) {
    const { signal } = this.client.abort;
    let left = Math.ceil(seconds);
    const tick = () => {
      if (signal.aborted) return;
      if (left <= 0) {
        this.panel.tell(null);
        then();
        return;
      }
      this.panel.tell("slow_down", { seconds: left });
      left -= 1;
      setTimeout(tick, 1000);
    };
    tick();
  }

  /** Before another try: until the connection is back, or ever longer. */
  #wait(failures) {
    const { signal } = this.client.abort;
    if (!navigator.onLine) this.panel.tell("offline");
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        removeEventListener("online", wake);
        resolve();
      };
      const timer = navigator.onLine ? setTimeout(wake, Math.min(500 * 2 ** (failures - 1), 8000)) : null;
      addEventListener("online", wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  #remember(message) {
    const outbox = this.memory.data.outbox.map((it) => (it.id === message.id ? { ...it, turn: message.turn } : it));
    this.memory.save({ outbox });
  }

  #forgetMessage(id) {
    this.memory.save({ outbox: this.memory.data.outbox.filter((it) => it.id !== id) });
  }

  // --- memory ------------------------------------------------------------------------------------------------

  async #restore() {
    this.#suggest();
    this.client.shop().then((shop) => this.panel.setShop(shop), (error) => this.#report(error));
    const { signal } = this.client.abort;
    const { outbox, conversation } = this.memory.data;
    let stored;
    for (let failures = 1; stored === undefined; failures += 1) {
      try {
        stored = await this.client.transcript();
      } catch (error) {
        if (!signal.aborted) {
          this.#report(error);
          await this.#wait(failures);
        }
      }
      if (signal.aborted) return;
    }
    if (conversation && !stored) this.memory.save({ conversation: null });
    for (const turn of stored?.turns ?? []) {
      const view = this.panel.turn(turn.id, this.panel.addMessage(turn.message));
      view.finish(turn.reply);
      if (turn !== stored.turns[stored.turns.length - 1]) view.settle();
    }
    const unsent = new Set(outbox.map((it) => it.id));
    for (const { client_id, text } of stored?.pending ?? []) {
      if (!unsent.has(client_id)) this.panel.delivered(this.panel.addMessage(text));
    }
    if (stored) this.panel.setStatus(stored.status);
    this.panel.setCustomer(this.memory.data.customer);
    for (const { id, text, turn } of outbox) {
      if (turn && this.panel.turns.has(turn)) this.#forgetMessage(id);
      else this.#deliver({ id, text, turn: stored ? turn : null, last: null }, this.panel.addMessage(text));
    }
    this.panel.follow();
  }

  #clear() {
    this.client.stop();
    this.panel.clear();
    this.#suggest();
  }

  #suggest() {
    const name = this.context.product?.name;
    const last = t("suggest_delivery");
    this.panel.suggest(
      name ? [t("suggest_stock", { name }), t("suggest_similar", { name }), last] : [t("suggest_order"), t("suggest_return"), last],
    );
  }

  #report(error) {
    this.emit("error", { code: error instanceof ApiError ? error.status : "network", message: error.message });
  }
}
