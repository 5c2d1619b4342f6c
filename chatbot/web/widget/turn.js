/**
 * One answer on the screen: sentences as they come, the numbers of their sources, cards. Fed by events or by a
 * stored turn; knows no network.
 */

import { h, icon } from "./dom.js";
import { say } from "./i18n.js";
import { inline } from "./text.js";

export class TurnView {
  /** `actions`: openSource(citation, number), rate(turnId, rating, comment), judge(kind, sku), ask(text), grown(), base. */
  constructor(id, actions) {
    this.id = id;
    this.actions = actions;
    this.seen = new Set(); // ids of events
    this.shown = new Set(); // cards
    this.sentences = [];
    this.sources = []; // passage ids, in the order of their numbers
    this.cited = new Set();
    this.run = null; // the last citation shown, as long as it may go on
    this.finished = false;
    this.text = h("div", { class: "text" });
    this.cards = h("div", { class: "cards" });
    this.chips = h("div", { class: "chips", role: "group" });
    this.tail = h("div", { class: "tail" });
    say(this.chips, "sources", {}, "aria-label");
    const speaker = say(h("span", { class: "hidden" }), "assistant");
    this.node = h("article", { class: "answer", part: "answer" }, speaker, this.text, this.cards, this.chips, this.tail);
  }

  take(event) {
    if (this.seen.has(event.id)) return; // a resumed stream may repeat what we have
    this.seen.add(event.id);
    if (event.type === "sentence") this.#sentence(event.text);
    else if (event.type === "cited") this.#cite(event.citation);
    else if (event.type === "carded") this.#card(event.card);
    else if (event.type === "handedover") this.handedOver();
    else if (event.type === "failed") this.#fail(event.text);
    else if (event.type === "done") this.finish(event.turn.reply);
  }

  /** Close the turn; the stored reply is what counts, whatever the stream said. */
  finish(reply) {
    if (this.finished) return;
    this.finished = true;
    if (this.sentences.map((sentence) => sentence.words).join("") !== reply.text) this.#rewrite(reply);
    for (const citation of reply.citations ?? []) this.#cite(citation);
    for (const card of reply.cards ?? []) this.#card(card);
    if (reply.kind === "handoff") this.handedOver();
    if (reply.text && reply.kind !== "handoff") this.#toolbar(reply.text);
    const quick = (reply.quick_replies ?? []).map((text) =>
      h("button", { type: "button", class: "quick", onclick: () => this.actions.ask(text) }, text));
    if (quick.length) this.tail.append(h("div", { class: "quick-replies" }, quick));
  }

  /** The shopper went on: old suggestions would only be in the way. */
  settle() {
    this.node.querySelector(".quick-replies")?.remove();
    this.node.querySelector(".comment")?.remove();
  }

  handedOver() {
    if (this.node.querySelector(".handover")) return;
    const words = say(h("span"), "handed_over");
    this.tail.before(h("p", { class: "handover" }, icon("person", 18), words));
  }

  #sentence(words) {
    const [, body, space] = /^([\s\S]*?)(\s*)$/.exec(words);
    const marks = h("span", { class: "marks" });
    // The number stands before the white space, which may be a line break.
    this.text.append(h("span", { class: "sentence" }, inline(body), marks), space);
    this.sentences.push({ words, marks });
  }

  #rewrite(reply) {
    this.text.replaceChildren();
    this.chips.replaceChildren();
    this.sentences = [];
    this.sources = [];
    this.cited.clear();
    // A stored reply does not say where its sentences end; a quoted one shows where its quotes do.
    let rest = reply.text;
    for (const { quote } of reply.citations ?? []) {
      const found = quote ? rest.indexOf(quote) : -1;
      if (found < 0) continue;
      this.#sentence(rest.slice(0, found + quote.length));
      this.sentences[this.sentences.length - 1].quote = quote;
      rest = rest.slice(found + quote.length);
    }
    if (rest) this.#sentence(rest);
    this.rewritten = true;
  }

  #cite(citation) {
    const { passage_id: passage, start, end, quote } = citation;
    const key = `${passage} ${start} ${end}`;
    if (this.cited.has(key)) return;
    this.cited.add(key);
    const sentence = this.rewritten
      ? this.sentences.find((it) => it.quote === quote)
      : this.sentences[citation.sentence];
    const { run } = this;
    if (run?.sentence && sentence && run.citation.passage_id === passage && start >= run.citation.end && start - run.citation.end <= 2) {
      // It goes on where the last one ended: one number for both, behind the later sentence.
      Object.assign(run.citation, { end, quote: `${run.citation.quote} ${quote}` });
      sentence.marks.append(run.button);
      return;
    }
    const own = { ...citation };
    let number = this.sources.indexOf(passage) + 1;
    if (!number) {
      number = this.sources.push(passage);
      const short = h("span", { class: "chip-title" }, citation.title || citation.source);
      this.chips.append(this.#opener("chip", own, number, h("span", { class: "number" }, String(number)), short));
    }
    const button = this.#opener("mark-number", own, number, String(number));
    sentence?.marks.append(button);
    this.run = { citation: own, sentence, button };
  }

  #opener(className, citation, number, ...children) {
    const open = () => this.actions.openSource(citation, number);
    const button = h("button", { type: "button", class: className, onclick: open }, children);
    return say(button, "source", { number, title: citation.title || citation.source }, "aria-label");
  }

  async #card(card) {
    const key = `${card.kind}:${card.id}`;
    if (this.shown.has(key)) return;
    this.shown.add(key);
    const place = h("div");
    this.cards.append(place); // keeps the order while the module comes
    const { cardNode } = await import("./cards.js");
    place.replaceWith(cardNode(card, this.actions, this.node.getRootNode()));
    this.actions.grown();
  }

  async #toolbar(text) {
    const rate = (...told) => this.actions.rate(this.id, ...told);
    try {
      const { toolbar } = await import("./toolbar.js");
      this.tail.prepend(toolbar(text, this.node.getRootNode(), { rate, grown: this.actions.grown }));
      this.actions.grown();
    } catch {
      // it could not be loaded; the answer stands without it
    }
  }

  #fail(text) {
    this.finished = true;
    if (text && !this.sentences.length) this.#sentence(text);
    this.node.classList.add("failed");
  }
}
