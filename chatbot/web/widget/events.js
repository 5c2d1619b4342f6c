/**
 * Tells the server what the shopper does with products: in batches, each event under an id of its own, so that what is
 * sent twice counts once. What could not be sent waits in this page, up to a bound, and is tried again. Loaded where the
 * shop allows it (`data-events`) or when the shopper judges a suggestion. Knows no conversation.
 */

import { randomId } from "./memory.js";
import { currentProduct } from "./product.js";
import { ApiError, sessionOf } from "./session.js";

const KINDS = ["view", "cart", "uncart", "like", "dislike", "rating", "neutral"];
const BATCH = 50; // as many as the server takes
const MOST = 200;
const SKU_CHARS = 200;
const GATHER_MS = 400; // long enough for a batch, short enough that the next suggestion knows within a second
const LONGEST_MS = 60_000;

/** For the launcher: the shop allows to tell what happens on its page. */
export function start({ settings, emit, identity }) {
  const session = sessionOf(settings, emit);
  if (identity) session.identify(identity);
  const tells = teller(session);
  let shown = false;
  return {
    /** Tell once that the page's product is seen, if the page is one product's. */
    page() {
      const sku = shown ? null : currentProduct(document);
      shown = true;
      if (sku) this.track("view", sku);
    },
    track(kind, sku, more) {
      const wrong = mistake(kind, sku, more?.stars);
      if (wrong) console.error(`Kefu.track(${[kind, sku].map(String).join(", ")}): ${wrong}`);
      else {
        session.memory.mayKeep = true; // what is told on one page has to belong to the same shopper on the next
        tells.add(kind, String(sku).trim(), more?.stars);
      }
    },
    identify: (token) => session.identify(token),
    reset: () => session.forget(),
    /** The shop's word was taken back: nothing more is sent, and what was kept for this alone goes. */
    withdraw() {
      session.memory.mayKeep = false;
      tells.drop();
      if (session.memory.data.conversation) return;
      const { identity } = session.memory; // who the shopper is does not hang on this
      session.forget();
      session.memory.identity = identity;
    },
  };
}

/** What is wrong with a call, for the shop's developer; an empty text if nothing is. */
function mistake(kind, sku, stars) {
  if (!KINDS.includes(kind)) return `expected one of ${KINDS.join(", ")} as the first argument`;
  const text = typeof sku === "number" ? String(sku) : sku;
  if (typeof text !== "string" || !text.trim() || text.trim().length > SKU_CHARS) {
    return `expected the product's SKU as the second argument, as it was imported: 1 to ${SKU_CHARS} characters`;
  }
  if (/[\u0000-\u0008\u000e-\u001f]/.test(text) || text !== decodable(text)) return "expected a SKU without control characters";
  if (kind === "rating" && !(Number.isInteger(stars) && stars >= 1 && stars <= 5)) return "expected {stars: 1 to 5} as the third argument";
  return kind !== "rating" && stars !== undefined ? "expected {stars} with a rating alone" : "";
}

/** The text as it arrives elsewhere: half of a pair becomes U+FFFD. */
function decodable(text) {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

let only = null;

/** The page's teller; all events of the page go through it. */
export function teller(session) {
  return (only ??= new Teller(session));
}

class Teller {
  constructor(session) {
    this.session = session;
    this.queue = [];
    this.warned = new Set(); // products that the shop does not have, each told once
    this.failures = 0;
    this.pausedUntil = 0;
    this.limited = false; // the pause is the server's wish
    this.timer = null;
    this.last = 0;
    this.shopper = {}; // another object for another shopper
    session.onLeave = (goesOn) => {
      if (goesOn) return; // the same shopper has signed in: what waits is theirs
      this.flush();
      this.drop();
    };
    const leaving = () => document.visibilityState === "hidden" && this.flush();
    document.addEventListener("visibilitychange", leaving);
    addEventListener("pagehide", () => this.flush());
    addEventListener("online", () => this.#goOn());
  }

  add(kind, sku, stars) {
    this.last = Math.max(performance.now(), this.last + 1); // one after the other, so that their order is kept
    this.queue.push({ id: randomId(), kind, sku, stars, at: this.last });
    this.#bound();
    this.#schedule(GATHER_MS);
    return this;
  }

  /** Forget what waits, and what is on its way should it fail. */
  drop() {
    this.queue = [];
    this.shopper = {};
  }

  /** Send what waits, unless the server asked to wait. */
  flush() {
    clearTimeout(this.timer);
    this.timer = null;
    const pause = this.pausedUntil - performance.now();
    if (pause > 0) {
      if (this.queue.length) this.#schedule(pause);
      return;
    }
    while (this.queue.length) this.#send(this.queue.splice(0, BATCH));
  }

  async #send(batch) {
    const { shopper, session } = this;
    try {
      if (!session.memory.data.token) await session.ready();
      const now = performance.now();
      // How long ago, since the clock of the shopper's computer may be wrong.
      const events = batch.map(({ at, ...event }) => ({ ...event, ago: Math.max(0, now - at) / 1000 }));
      const options = { method: "POST", signed: true, keepalive: true, body: { events } };
      const { unknown } = await (await session.fetch("api/events", options)).json();
      this.failures = 0;
      this.#warn(unknown);
    } catch (error) {
      if (shopper === this.shopper) this.#failed(batch, error); // else nobody is left whose events they could be
    }
  }

  #failed(batch, error) {
    const refused = error instanceof ApiError && error.status < 500 && ![401, 408, 429].includes(error.status);
    if (refused) {
      console.warn(`kefu: the server did not take what was told of the shopper: ${error.message}`);
      return;
    }
    this.queue = [...batch, ...this.queue].sort((one, other) => one.at - other.at);
    this.#bound();
    this.failures += 1;
    const longer = Math.min(1000 * 2 ** (this.failures - 1), LONGEST_MS) * (0.75 + Math.random() / 4);
    const wait = error.status === 429 ? error.retryAfter * 1000 : error.status === 401 && this.failures === 1 ? 0 : longer;
    this.limited = error.status === 429;
    this.pausedUntil = performance.now() + wait;
    this.#schedule(wait);
  }

  /** The connection is back. */
  #goOn() {
    if (this.limited) return;
    this.pausedUntil = 0;
    this.flush();
  }

  #schedule(wait) {
    this.timer ??= setTimeout(() => this.flush(), wait);
  }

  /** The oldest go first. */
  #bound() {
    this.queue.splice(0, this.queue.length - MOST);
  }

  #warn(unknown) {
    const unheard = unknown.filter((sku) => !this.warned.has(sku));
    for (const sku of unheard) this.warned.add(sku);
    if (unheard.length) {
      console.warn(`kefu: the shop has no product ${unheard.join(", ")}; what was told of it is not kept. Import it, or tell the SKU that was imported.`);
    }
  }
}
