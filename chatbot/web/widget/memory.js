/**
 * What survives a reload: session token, conversation, messages that are not answered yet. Nothing is written
 * before the first message is sent, and nothing but the shopper's own words and random identifiers is kept.
 */

const EMPTY = { token: null, customer: null, conversation: null, outbox: [], open: false, locale: null };

export class Memory {
  constructor(key) {
    this.key = key;
    this.data = { ...EMPTY };
    this.kept = false;
    try {
      const stored = JSON.parse(localStorage.getItem(key));
      if (stored && typeof stored === "object") {
        this.data = { ...EMPTY, ...stored };
        this.kept = true;
      }
    } catch {
      // storage is blocked or holds something else: the conversation lives as long as the page
    }
  }

  /** Remember in this page; on disk too once the shopper has written something. */
  save(changes) {
    this.data = { ...this.data, ...changes };
    if (!this.kept && !this.data.outbox.length) return;
    this.kept = true;
    try {
      localStorage.setItem(this.key, JSON.stringify(this.data));
    } catch {
      // full or blocked: go on without
    }
  }

  clear() {
    this.data = { ...EMPTY, open: this.data.open, locale: this.data.locale };
    this.kept = false;
    try {
      localStorage.removeItem(this.key);
    } catch {
      // blocked: nothing was kept
    }
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
