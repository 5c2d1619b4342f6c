/**
 * The launcher: a button on the shop's page, and `window.Kefu`.
 *
 * It loads the application on the first click and knows nothing of conversations. Until a shopper has sent a
 * message it sends no request, sets no cookie and stores nothing, unless `data-events` says that the shop may. The
 * server replaces `__KEFU_ASSETS__` with the versioned folder of the modules.
 *
 *   <script async src="https://chat.example/widget.js" data-site="pub_demo" data-locale="en"></script>
 */
(() => {
  "use strict";
  if (window.Kefu) return;

  const script = document.currentScript;
  const base = new URL(".", script.src).href;
  const assets = new URL("__KEFU_ASSETS__", base).href;
  const site = script.dataset.site || "default";
  const wanted = script.dataset.locale || navigator.language || "en";
  const settings = { base, site, locale: /^zh\b/i.test(wanted) ? "zh" : "en", storageKey: `kefu:${site}` };

  const LABELS = {
    en: { open: "Open the chat", close: "Close the chat", failed: "The chat could not be loaded. Try again" },
    zh: { open: "打开客服对话", close: "关闭客服对话", failed: "客服对话加载失败，请重试" },
  };

  const STYLE = `
    :host {
      --accent: var(--kefu-accent, light-dark(#1d5c4a, #8ad0b7));
      --on-accent: var(--kefu-on-accent, light-dark(#ffffff, #0d241c));
      --inset: var(--kefu-inset, 20px);
      all: initial;
      color-scheme: var(--kefu-color-scheme, light dark);
      position: fixed;
      inset-block-end: calc(var(--inset) + env(safe-area-inset-bottom, 0px));
      inset-inline-end: calc(var(--inset) + env(safe-area-inset-right, 0px));
      z-index: var(--kefu-z-index, 2147483000);
    }
    .launcher {
      display: grid;
      place-items: center;
      width: 58px;
      height: 58px;
      padding: 0;
      border: 0;
      border-radius: 50%;
      color: var(--on-accent);
      background: var(--accent);
      box-shadow: 0 1px 2px rgb(16 28 24 / 0.2), 0 10px 28px -6px rgb(16 28 24 / 0.38);
      cursor: pointer;
      transition: transform 160ms ease, box-shadow 160ms ease;
    }
    .launcher:hover { transform: translateY(-2px); }
    .launcher:active { transform: scale(0.96); }
    .launcher:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
    .launcher[aria-busy="true"] svg { animation: breathe 900ms ease-in-out infinite alternate; }
    .launcher svg { grid-area: 1 / 1; transition: opacity 160ms ease, transform 160ms ease; }
    .launcher[aria-expanded="true"] .bubble,
    .launcher[aria-expanded="false"] .chevron { opacity: 0; transform: scale(0.6); }
    .unread {
      position: absolute;
      inset-block-start: 1px;
      inset-inline-end: 1px;
      width: 14px;
      height: 14px;
      border: 2px solid light-dark(#ffffff, #14181a);
      border-radius: 50%;
      background: #d9480f;
    }
    .unread[hidden] { display: none; }
    @keyframes breathe { to { opacity: 0.35; } }
    @media (max-width: 480px) { .launcher[aria-expanded="true"] { display: none; } }
    @media (prefers-reduced-motion: reduce) {
      .launcher, .launcher svg { transition: none; animation: none; }
      .launcher[aria-busy="true"] svg { animation: none; opacity: 0.5; }
    }
    @media print { :host { display: none; } }
  `;

  function drawing(name, shapes) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const common = { viewBox: "0 0 24 24", width: 27, height: 27, fill: "none", stroke: "currentColor" };
    const line = { "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" };
    for (const [key, value] of Object.entries({ ...common, ...line, class: name, "aria-hidden": "true" })) {
      svg.setAttribute(key, value);
    }
    for (const shape of shapes) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("d", shape);
      svg.append(path);
    }
    return svg;
  }

  // --- the element ---

  class KefuWidget extends HTMLElement {
    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet(); // a constructed sheet needs no 'unsafe-inline' in the shop's CSP
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];

      this.button = document.createElement("button");
      this.button.type = "button";
      this.button.className = "launcher";
      this.button.setAttribute("part", "launcher");
      this.button.setAttribute("aria-haspopup", "dialog");
      this.button.append(
        drawing("bubble", ["M4 11.2C4 7.2 7.6 4 12 4s8 3.2 8 7.2-3.6 7.2-8 7.2c-.9 0-1.8-.1-2.6-.4L5 20l.9-3.6A6.8 6.8 0 0 1 4 11.2Z", "M8.6 11.2h.01M12 11.2h.01M15.4 11.2h.01"]),
        drawing("chevron", ["m6.5 9.5 5.5 5.5 5.5-5.5"]),
      );
      this.badge = document.createElement("span");
      this.badge.className = "unread";
      this.badge.hidden = true;
      root.append(this.button, this.badge);
      this.button.addEventListener("click", () => Kefu.toggle().catch(() => {})); // told by the event "error"
      this.expanded(false);
    }

    expanded(open, locale = settings.locale) {
      this.button.setAttribute("aria-expanded", String(open));
      this.button.setAttribute("aria-label", open ? LABELS[locale].close : LABELS[locale].open);
      if (open) this.badge.hidden = true;
    }
  }

  // --- window.Kefu ---

  const listeners = new Map();
  const before = { identity: null, context: {} }; // what the shop told us before the application was loaded
  let element = null;
  let loading = null;
  let app = null;

  function emit(name, detail) {
    for (const handler of [...(listeners.get(name) ?? [])]) {
      try {
        handler(detail);
      } catch (error) {
        reportError(error); // a shop's faulty handler must not stop the chat
      }
    }
  }

  function load() {
    loading ??= (async () => {
      element.button.setAttribute("aria-busy", "true");
      try {
        const module = await import(`${assets}app.js`);
        await module.setLocale(remembered().locale ?? settings.locale);
        app = module.start({ element, settings, emit, ...before });
        emit("ready");
        return app;
      } catch (error) {
        loading = null; // the next click tries again
        element.button.setAttribute("aria-label", LABELS[settings.locale].failed);
        emit("error", { code: "load", message: String(error) });
        throw error;
      } finally {
        element.button.removeAttribute("aria-busy");
      }
    })();
    return loading;
  }

  function remembered() {
    try {
      return JSON.parse(localStorage.getItem(settings.storageKey)) ?? {};
    } catch {
      return {}; // storage is blocked, or holds something else: start without a memory
    }
  }

  // --- what the shopper does: told as long as the script tag has `data-events` ---

  const allowed = () => !/^(false|no|off|0)$/i.test(script.dataset.events ?? "no");
  let telling = null;
  let teller = null;

  function tell(use) {
    telling ??= import(`${assets}events.js`).then((module) => (teller = module.start({ settings, emit, ...before })));
    telling.then((it) => allowed() && use(it)).catch((error) => {
      telling = teller && telling;
      emit("error", { code: "load", message: String(error) });
    });
  }

  /** The shop's word may be given and taken back while the page is open. */
  function heed() {
    if (allowed()) tell((it) => it.page());
    else teller?.withdraw();
  }

  const Kefu = Object.freeze({
    /** Open the chat; `draft` is put into the message box, never sent. */
    async open(draft) {
      (await load()).open(draft);
    },
    close() {
      app?.close();
    },
    async toggle() {
      if (app?.isOpen) app.close();
      else await Kefu.open();
    },
    /** `token`: signed by the shop's server, names the customer. Another customer starts a clean conversation. */
    identify(token) {
      before.identity = token;
      (app ?? teller)?.identify(token);
    },
    /** What the shopper is looking at: `{product: {name}}` shapes the questions that the chat offers. */
    setContext(context) {
      before.context = { ...before.context, ...context };
      app?.setContext(before.context);
    },
    /** Tell what the shopper did: view, cart, uncart, like, dislike, rating (with `{stars}`) or neutral, and a SKU. */
    track(...told) {
      if (allowed()) tell((it) => it.track(...told));
      else console.debug("Kefu.track: nothing is sent without data-events");
    },
    /** Events: ready, open, close, message, reply, handover, identity_expired, error. */
    on(name, handler) {
      if (!listeners.has(name)) listeners.set(name, new Set());
      listeners.get(name).add(handler);
    },
    off(name, handler) {
      listeners.get(name)?.delete(handler);
    },
    /** Forget everything: for the shop's sign-out. */
    reset() {
      before.identity = null;
      const it = app ?? teller;
      if (it) return it.reset();
      try {
        localStorage.removeItem(settings.storageKey);
      } catch {
        // storage is blocked, so nothing was kept
      }
    },
  });
  Object.defineProperty(window, "Kefu", { value: Kefu });

  function place() {
    customElements.define("kefu-widget", KefuWidget);
    element = document.createElement("kefu-widget");
    document.body.append(element);
    window.dispatchEvent(new Event("kefu:ready"));
    new MutationObserver(heed).observe(script, { attributeFilter: ["data-events"] });
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", heed);
    else heed();
    // A chat that was open stays open on the next page, unless it would cover that page.
    if (remembered().open && matchMedia("(min-width: 481px)").matches) load().then((it) => it.open(), () => {});
  }
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place, { once: true });
})();
