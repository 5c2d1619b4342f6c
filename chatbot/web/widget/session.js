/**
 * The shopper's session with the server: made when there is something to send, one for the whole page, whoever sends.
 * What has to survive a reload is kept in `memory`. Knows no conversation and no DOM.
 */

import { Memory, subjectOf } from "./memory.js";

/** The server answered, and said no. */
export class ApiError extends Error {
  constructor(status, body, retryAfter) {
    super(body?.error?.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = body?.error?.code;
    this.retryAfter = retryAfter;
  }
}

/** No answer came, or it broke off: worth another try. */
export class NetworkError extends Error {}

let only = null;

/** The page's session. */
export function sessionOf(settings, emit) {
  return (only ??= new Session(settings, emit));
}

class Session {
  constructor({ base, site, storageKey }, emit) {
    Object.assign(this, { base, site, emit });
    this.memory = new Memory(storageKey);
    this.abort = new AbortController();
    this.starting = null;
    this.expired = null; // the shop's token that the server refused
    this.onLeave = null; // called before the session is forgotten; `goesOn`: the same shopper has only signed in
  }

  /** Make sure that there is one; callers at the same time share it. */
  ready() {
    this.starting ??= this.#start();
    const { starting } = this;
    const over = () => this.starting === starting && (this.starting = null);
    starting.then(over, over);
    return starting;
  }

  /** Another customer's token ends the session; says whether it did. */
  identify(token) {
    if (token === this.expired) return false;
    const { data } = this.memory;
    const known = data.customer?.id ?? null;
    const other = data.token !== null && known !== subjectOf(token);
    if (other) this.forget(known === null);
    this.memory.identity = token;
    return other;
  }

  forget(goesOn = false) {
    this.onLeave?.(goesOn);
    this.abort.abort();
    this.abort = new AbortController();
    this.starting = null;
    this.memory.clear();
  }

  async #start() {
    if (this.memory.data.token || this.memory.borrow()) return;
    let named, made;
    do {
      named = this.memory.identity;
      made = await this.#made(named);
    } while (this.memory.identity !== named && this.memory.identity); // the shop has signed somebody in meanwhile
    this.memory.save({ token: made.token, customer: made.customer ?? null, conversation: null });
  }

  async #made(identity) {
    const { signal } = this.abort;
    const body = identity ? { site_key: this.site, identity } : { site_key: this.site };
    try {
      return await (await this.fetch("api/sessions", { method: "POST", body, signal })).json();
    } catch (error) {
      if (!identity || ![400, 401, 403, 422].includes(error.status)) throw error;
      this.expired = identity; // the shop may sign a new one
      if (this.memory.identity === identity) this.memory.identity = null;
      this.emit("identity_expired", { message: error.message });
      return this.#made(null);
    }
  }

  /** Starts at once, so that the last words of a page that closes get out. */
  async fetch(path, { method = "GET", signed = false, body, headers = {}, signal, keepalive } = {}) {
    const { token } = this.memory.data;
    const all = { ...headers };
    if (signed) all.Authorization = `Bearer ${token}`;
    if (body) all["Content-Type"] = "application/json";
    let response;
    try {
      // No cookies: the session travels in a header, so no other site can use it.
      const content = body && JSON.stringify(body);
      response = await fetch(this.base + path, { method, headers: all, body: content, signal, keepalive, credentials: "omit" });
    } catch (error) {
      throw new NetworkError(String(error));
    }
    if (response.ok) return response;
    if (signed && response.status === 401 && token === this.memory.data.token) {
      this.memory.refused = token; // it ran out: the next call makes another
      this.memory.save({ token: null, customer: null, conversation: null });
    }
    const answer = await response.json().catch(() => null); // a proxy's error page is no JSON
    throw new ApiError(response.status, answer, Number(response.headers.get("Retry-After")) || 10);
  }
}
