/**
 * Speaks the chat API: conversations, and the typed events of a turn. Knows no DOM.
 *
 * A conversation is made when the first message is sent, not before.
 */

import { ApiError, NetworkError } from "./session.js";

const SILENCE_MS = 45_000;
const GATEWAY = new Set([502, 503, 504]);

export class Client {
  constructor(session, locale) {
    this.session = session;
    this.memory = session.memory;
    this.locale = locale;
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
    const { signal } = this.abort;
    await this.session.ready();
    signal.throwIfAborted();
    if (this.memory.data.conversation) return;
    const options = { method: "POST", signed: true, body: { locale: this.locale() } };
    const made = await this.#json("api/conversations", options);
    this.memory.save({ conversation: made.id });
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
          this.memory.save({ conversation: null });
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

  #fetch(path, options) {
    return this.session.fetch(path, { ...options, signal: this.abort.signal });
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
