/**
 * What survives a reload: session token, conversation, messages that are not answered yet. Nothing is written
 * before the first message is sent, unless the shop allows more; nothing but the shopper's own words and random
 * identifiers is kept.
 */

const EMPTY = { token: null, customer: null, conversation: null, outbox: [], open: false, locale: null };

export class Memory {
  constructor(key) {
    this.key = key;
    this.mayKeep = false; // the shop allows to keep the session before anything was written
    this.identity = null; // the shop's token of who is signed in
    this.refused = null; // the session's token that ran out last
    const stored = read(key);
    this.data = { ...EMPTY, ...stored };
    this.kept = stored !== null;
  }

  /** Remember in this page; on disk too once the shopper has written something. */
  save(changes) {
    this.data = { ...this.data, ...changes };
    if (!this.kept && !this.mayKeep && !this.data.outbox.length) return;
    if (!this.kept && !this.data.token) this.borrow();
    this.kept = true;
    try {
      localStorage.setItem(this.key, JSON.stringify(this.data));
    } catch {
      // full or blocked: go on without
    }
  }

  /** Take over what another tab has begun meanwhile, if it is the same shopper's; says whether there was something. */
  borrow() {
    const { token, customer, conversation } = read(this.key) ?? {};
    const others = this.identity && customer?.id !== subjectOf(this.identity);
    if (!token || token === this.refused || others) return false;
    this.data = { ...this.data, token, customer, conversation };
    return true;
  }

  clear() {
    this.data = { ...EMPTY, open: this.data.open, locale: this.data.locale };
    this.kept = false;
    this.identity = null;
    try {
      localStorage.removeItem(this.key);
    } catch {
      // blocked: nothing was kept
    }
  }
}

function read(key) {
  try {
    const stored = JSON.parse(localStorage.getItem(key));
    return stored && typeof stored === "object" ? stored : null;
  } catch {
    return null; // storage is blocked or holds something else: the conversation lives as long as the page
  }
}

/** The customer that a token names: only to see whether it is still the same one, the server decides. */
export function subjectOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(payload)).sub);
  } catch {
    return null;
  }
}

export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing on plain http
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
