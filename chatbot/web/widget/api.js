/**
 * Speaks the chat API: sessions, conversations, and the typed events of a turn. Knows no DOM.
 *
 * A session is made when the first message is sent, not before. What has to survive a reload is kept in `memory`.
 */

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

const SILENCE_MS = 45_000;
const GATEWAY = new Set([502, 503, 504]);

export class Client {
  /** `onIdentityExpired`: the server refused the shop's token; the shop may sign a new one. */
  constructor({ base, site, memory, locale, onIdentityExpired }) {
    this.base = base;
    this.site = site;
    this.memory = memory;
    this.locale = locale;
    this.onIdentityExpired = onIdentityExpired;
    this.identity = null;
    this.abort = new AbortController();
    this.starting = null;
    this.posting = Promise.resolve();
  }

  /** Drop all that is under way. */
  stop() {
    this.abort.abort();
    this.abort = new AbortController();
    this.starting = null;
    this.posting = Promise.resolve();
  }

  /** Drop all that is known of the shopper, too. */
  forget() {
    this.stop();
    this.identity = null;
    this.memory.clear();
  }

  shop() {
    return this.#json("api/shop");
  }

  passage(id) {
    return this.#json(`api/passages/${id.split("/").map(encodeURIComponent).join("/")}`);
  }

  /** The stored conversation, or null if there is none that this session may read. */
  async transcript() {
    const { conversation, token } = this.memory.data;
    if (!conversation || !token) return null;
    try {
      return await this.#json(`api/conversations/${conversation}`, { signed: true });
    } catch (error) {
      if (error instanceof ApiError && [401, 404].includes(error.status)) return null;
      throw error;
    }
  }

  async feedback(turn, rating, comment) {
    const path = `api/conversations/${this.memory.data.conversation}/turns/${turn}/feedback`;
    await this.#fetch(path, { method: "POST", signed: true, body: comment ? { rating, comment } : { rating } });
  }

  /** Make sure that there is a session and a conversation; callers at the same time share one. */
  ready() {
    this.starting ??= this.#start().finally(() => (this.starting = null));
    return this.starting;
  }

  async #start() {
    if (!this.memory.data.token) {
      const session = await this.#session();
      this.memory.save({ token: session.token, customer: session.customer ?? null, conversation: null });
    }
    if (!this.memory.data.conversation) {
      const options = { method: "POST", signed: true, body: { locale: this.locale() } };
      const made = await this.#json("api/conversations", options);
      this.memory.save({ conversation: made.id });
    }
  }

  async #session() {
    const ask = (identity) => {
      const body = identity ? { site_key: this.site, identity } : { site_key: this.site };
      return this.#json("api/sessions", { method: "POST", body });
    };
    if (!this.identity) return ask(null);
    try {
      return await ask(this.identity);
    } catch (error) {
      if (!(error instanceof ApiError) || ![400, 401, 403, 422].includes(error.status)) throw error;
      this.identity = null;
      this.onIdentityExpired(error.message);
      return ask(null);
    }
  }

  /**
   * Send `message` ({id, text, turn, last}) and yield its events until the last one, over as many connections as it
   * takes: after a break the stream goes on behind `message.last`, or the message is posted again under its id,
   * which the server takes as the same message.
   */
  async *converse(message, { wait }) {
    const { signal } = this.abort;
    let renewed = false;
    for (let failures = 0; ; ) {
      try {
        await this.ready();
        for await (const event of parse(await this.#stream(message))) {
          failures = 0;
          message.turn = event.id.slice(0, event.id.lastIndexOf(":")) || message.turn;
          message.last = event.id;
          yield event;
          if (event.type === "done" || event.type === "failed") return;
        }
        const status = (await this.transcript())?.status;
        if (status === "person") return; // stored for the colleague; no machine answers
        throw new NetworkError("the stream ended before its last event");
      } catch (error) {
        if (signal.aborted) return;
        const lost = error.status === 401 || error.status === 404 || error.code === "closed";
        if (lost && message.turn && error.status === 404) {
          message.turn = message.last = null; // the turn cannot be followed any more: post the message again
          continue;
        }
        if (lost && !renewed) {
          // The session ran out, or the conversation is gone: begin anew, without troubling the shopper.
          renewed = true;
          this.memory.save(error.status === 401 ? { token: null, conversation: null } : { conversation: null });
          message.turn = message.last = null;
          continue;
        }
        const again = error instanceof NetworkError || GATEWAY.has(error.status);
        if (!again || ++failures > 5) throw error;
        await wait(failures);
        if (signal.aborted) return;
      }
    }
  }

  async #stream(message) {
    const path = `api/conversations/${this.memory.data.conversation}`;
    if (!message.turn) {
      const body = { text: message.text, client_id: message.id };
      const post = () => this.#fetch(`${path}/messages`, { method: "POST", signed: true, body });
      // Taken one after the other, so that the server has them in the order in which they were written.
      const taken = this.posting.then(post);
      this.posting = taken.catch(() => {});
      return taken;
    }
    const headers = message.last ? { "Last-Event-ID": message.last } : {};
    return this.#fetch(`${path}/events?turn=${encodeURIComponent(message.turn)}`, { signed: true, headers });
  }

  async #json(path, options) {
    return (await this.#fetch(path, options)).json();
  }

  async #fetch(path, { method = "GET", signed = false, body, headers = {} } = {}) {
    const { signal } = this.abort;
    const all = { ...headers };
    if (signed) all.Authorization = `Bearer ${this.memory.data.token}`;
    if (body) all["Content-Type"] = "application/json";
    let response;
    try {
      // No cookies: the session travels in a header, so no other site can use it.
      const content = body && JSON.stringify(body);
      response = await fetch(this.base + path, { method, headers: all, body: content, signal, credentials: "omit" });
    } catch (error) {
      throw new NetworkError(String(error));
    }
    if (response.ok) return response;
    const answer = await response.json().catch(() => null); // a proxy's error page is no JSON
    throw new ApiError(response.status, answer, Number(response.headers.get("Retry-After")) || 10);
  }
}

/** The events of a text/event-stream response, their data parsed. */
export async function* parse(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await beforeSilence(reader);
      if (done) return; // an event without its closing blank line never arrived whole: it is not used
      rest += decoder.decode(value, { stream: true });
      const held = rest.endsWith("\r") ? 1 : 0; // may be the first half of \r\n
      const blocks = rest.slice(0, rest.length - held).replace(/\r\n?/g, "\n").split("\n\n");
      rest = blocks.pop() + rest.slice(rest.length - held);
      for (const block of blocks) {
        const event = read(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // the connection may be gone already
  }
}

function read(block) {
  const fields = { id: "", event: "message", data: [] };
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (name === "data") fields.data.push(value);
    else if (name === "id" || name === "event") fields[name] = value;
  }
  if (!fields.data.length) return null; // a comment that keeps the connection alive
  try {
    const data = JSON.parse(fields.data.join("\n"));
    return { ...data, id: fields.id || data.id || "", type: fields.event };
  } catch {
    throw new NetworkError("an event was not readable");
  }
}

/** A connection that says nothing for too long, not even a comment, is as good as broken. */
async function beforeSilence(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new NetworkError("no event came for a long time")), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    throw error instanceof NetworkError ? error : new NetworkError(String(error));
  } finally {
    clearTimeout(timer);
  }
}
