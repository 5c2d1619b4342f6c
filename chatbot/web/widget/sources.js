/**
 * The sheet that shows where a sentence comes from: the passage, with the quoted span marked. Loaded when the first
 * source is opened.
 */

import { adopt, h, link, safeUrl } from "./dom.js";
import { label, say, t } from "./i18n.js";
import { icon } from "./icons.js";
import { passage } from "./passage.js";

const STYLE = `
.sheet { position: absolute; inset: 0; z-index: 4; display: flex; flex-direction: column; background: var(--surface); animation: slide 220ms var(--ease); }
.sheet-head { display: flex; align-items: center; gap: 8px; padding: 14px 12px; border-block-end: 1px solid var(--line); }
.sheet-title { display: flex; align-items: center; gap: 9px; font-weight: 650; }
.sheet-body { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 20px 22px; scrollbar-width: thin; }
.sheet-body:focus-visible { outline-offset: -3px; }
.crumbs { color: var(--muted); font-size: 13px; }
.passage-title { margin-block: 2px 14px; font-size: 18px; font-weight: 650; line-height: 1.35; letter-spacing: -0.01em; text-wrap: balance; }
.passage { display: grid; gap: 10px; overflow-wrap: anywhere; }
.passage h4 { margin-block-start: 6px; font-weight: 650; }
.passage .item { display: flex; gap: 9px; margin-block-start: -4px; }
.bullet { flex: none; color: var(--muted); }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; line-height: 1.45; }
th, td { padding: 6px 10px 6px 0; border-block-end: 1px solid var(--line); text-align: start; vertical-align: top; }
th { color: var(--muted); font-weight: 600; }
mark { padding-block: 2px; border-radius: 3px; color: inherit; background: var(--mark); box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.sheet-foot { padding: 12px 22px calc(14px + env(safe-area-inset-bottom, 0px)); }
.sheet-foot:empty { display: none; }
.sheet-foot a { display: inline-flex; align-items: center; gap: 7px; color: var(--accent); font-size: 14px; font-weight: 600; text-underline-offset: 4px; }

@keyframes slide { from { opacity: 0; transform: translateX(18px); } }
@media (forced-colors: active) { mark { background: Mark; color: MarkText; } }
`;

export class SourceSheet {
  /** `load(id)` fetches a passage; `onToggle(open)` lets the panel put the rest out of reach meanwhile. */
  constructor({ load, base, onToggle }) {
    Object.assign(this, { load, base, onToggle });
    this.opener = null;
    this.back = h("button", { type: "button", class: "icon-button", onclick: () => this.close() }, icon("back"));
    label(this.back, "back");
    this.heading = h("h3", { class: "sheet-title" });
    this.body = h("div", { class: "sheet-body", tabindex: 0 });
    this.foot = h("div", { class: "sheet-foot" });
    const head = h("div", { class: "sheet-head" }, this.back, this.heading);
    const attributes = { class: "sheet", part: "source", role: "dialog", "aria-modal": "true", hidden: true };
    this.node = h("div", attributes, head, this.body, this.foot);
    say(this.node, "source_page", {}, "aria-label");
  }

  /** Put the sheet into the panel, and its look into the shadow root. */
  attach(panel) {
    adopt(panel.getRootNode(), STYLE);
    panel.append(this.node);
  }

  get isOpen() {
    return !this.node.hidden;
  }

  async open(citation, number) {
    const ticket = (this.ticket = Symbol("opening"));
    this.opener ??= this.node.getRootNode().activeElement;
    this.heading.replaceChildren(h("span", { class: "number" }, String(number)), say(h("span"), "source_page"));
    this.foot.replaceChildren();
    this.#show(h("p", { class: "quiet" }, t("loading")));
    this.node.hidden = false;
    this.onToggle(true);
    this.back.focus();
    let found;
    try {
      found = await this.load(citation.passage_id);
    } catch {
      // The quote itself came with the answer, so it can be shown without the passage around it.
      if (ticket === this.ticket) this.#show(h("p", {}, h("mark", {}, citation.quote)), h("p", { class: "quiet" }, t("source_gone")));
      return;
    }
    if (ticket !== this.ticket) return;
    const { blocks, mark } = passage(found.text, citation.quote, citation.start, citation.end);
    const path = String(found.title || citation.title || found.source).split(" › ");
    const place = path.length > 1 && h("p", { class: "crumbs" }, path.slice(0, -1).join(" › "));
    this.#show(place, h("h4", { class: "passage-title" }, path[path.length - 1]), h("div", { class: "passage" }, blocks));
    const address = safeUrl(found.url ?? citation.url, this.base);
    if (address) this.foot.append(link(address + fragment(address, citation.quote), say(h("span"), "open_page"), icon("open", 16)));
    mark?.scrollIntoView({ block: "center" });
  }

  close() {
    if (!this.isOpen) return false;
    this.ticket = null;
    this.node.hidden = true;
    this.onToggle(false);
    this.opener?.focus();
    this.opener = null;
    return true;
  }

  #show(...nodes) {
    this.body.replaceChildren(...nodes.filter(Boolean));
    this.body.scrollTop = 0;
  }
}

/** Lets the browser open the page at the quoted words. */
function fragment(address, quote) {
  const words = String(quote ?? "").split("\n")[0].trim();
  return words && !address.includes("#") && !/[[\]|*]/.test(words) ? `#:~:text=${encodeURIComponent(words)}` : "";
}
