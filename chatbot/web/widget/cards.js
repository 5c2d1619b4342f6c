/**
 * Product and order cards beside an answer; loaded when the first one comes. A product that comes with a reason is a
 * suggestion, and the shopper may judge it. Knows the fields that the tools give; their values are worded already, in the
 * language of the answer.
 */

import { adopt, h, link, safeUrl } from "./dom.js";
import { say } from "./i18n.js";
import { icon } from "./icons.js";
import { note, tool } from "./thumb.js";

const FEW = 5;
const STEPS = 4; // in preparation, packed, on its way, delivered
const STEP_OF = { pending_payment: -1, processing: 0, packed: 1, shipped: 2, out_for_delivery: 2, delivered: 3 };

const STYLE = `
.card { display: block; border: 1px solid var(--line); border-radius: 14px; animation: appear 260ms var(--ease); }
.product, .order-head { display: flex; align-items: center; gap: 12px; padding: 10px 12px; }
a.product { text-decoration: none; }
a.card:hover, .card:has(> a:hover) { border-color: var(--edge); }
a.product:focus-visible { border-radius: 14px; }
.tile { display: grid; place-items: center; flex: none; width: 42px; height: 42px; border-radius: 11px; color: var(--accent); background: var(--tint); }
.card-body { display: grid; flex: 1; min-width: 0; line-height: 1.35; }
.card-title { font-size: 14px; font-weight: 600; overflow-wrap: anywhere; }
.card-reason { font-size: 13px; }
.card-note { color: var(--muted); font-size: 12.5px; }
.price { max-width: 7em; font-size: 14px; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.35; text-align: end; }
.stock { color: var(--good); font-size: 12.5px; }
.stock.few { color: light-dark(#7d5200, #e6b866); }
.stock.out { color: var(--warn); }
.stock::first-letter, .state::first-letter { text-transform: uppercase; }
.state { display: inline-block; flex: none; padding: 3px 9px; border-radius: 11px; color: var(--good); background: var(--tint); font-size: 12px; font-weight: 600; }
.state.ended { color: var(--muted); background: var(--soft); }
.steps { display: grid; grid-template-columns: repeat(4, 1fr); gap: 4px; padding: 0 12px 10px; }
.step { height: 4px; border-radius: 2px; background: var(--line); }
.step.reached { background: var(--accent); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 12px; margin: 0; padding: 10px 12px; border-top: 1px solid var(--line); font-size: 13px; line-height: 1.45; }
dl:empty { display: none; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
.suggested > .product { padding-block-end: 2px; }
.judge { display: flex; flex-wrap: wrap; align-items: center; gap: 2px; padding: 0 12px 6px; padding-inline-start: 59px; }
.judge .worded { display: flex; gap: 6px; width: auto; padding-inline: 7px; font-size: 12.5px; }
.undo { min-height: 24px; margin-inline-start: 8px; color: var(--accent); font-size: 12.5px; font-weight: 600; text-decoration: underline; text-underline-offset: 3px; }
.refused { border-style: dashed; background: var(--soft); }
.refused .tile { color: var(--muted); background: none; }
.refused .card-title, .refused .card-reason, .refused .price, .refused .stock { color: var(--muted); font-weight: 400; }
`;
let styled = false;

/**
 * `root`: the shadow root that the card will live in. `judge(kind, sku)` tells what the shopper thinks of a suggestion, and
 * resolves to whether it could be noted down; it is sent as soon as the server can be reached.
 */
export function cardNode(card, { base, judge }, root) {
  if (!styled) adopt(root, STYLE);
  styled = true;
  if (card.kind === "order") return order(card);
  const node = product(card, base);
  if (!given(card.fields.reason)) return node;
  node.classList.remove("card");
  const suggested = h("div", { class: "card suggested" }, node);
  suggested.append(judgement(card, judge, suggested, note(root)));
  return suggested;
}

function product(card, base) {
  const { price, availability, pieces, category, url, reason } = card.fields;
  const stock = given(availability) && h("span", { class: `stock ${pieces === 0 ? "out" : given(pieces) && pieces <= FEW ? "few" : ""}` }, String(availability));
  const body = [
    h("span", { class: "tile" }, icon("tag", 22)),
    h("span", { class: "card-body" },
      h("span", { class: "card-title" }, card.title),
      given(reason) && h("span", { class: "card-reason" }, String(reason)),
      h("span", { class: "card-note" }, given(category) && `${category} · `, card.id),
      stock),
    given(price) && h("span", { class: "price" }, String(price)),
  ];
  const address = safeUrl(url, base);
  if (!address) return h("div", { class: "card product" }, body);
  const node = link(address, body);
  node.className = "card product";
  return node;
}

/** Two thumbs; a pressed one that is pressed again, or the undo, takes the judgement back. */
function judgement(card, judge, suggested, said) {
  let held = "neutral";
  const thumb = (kind, key, name) => tool(name, key, { name: card.title }, () => press(kind), { "aria-pressed": "false" });
  const like = thumb("like", "for_me", "up");
  const dislike = thumb("dislike", "not_for_me", "down");
  dislike.classList.add("worded"); // the answer itself has a thumb that points down, too
  dislike.append(say(h("span"), "not_this"));
  const back = () => {
    dislike.focus(); // the undo goes
    press(held);
  };
  const undo = say(h("button", { type: "button", class: "undo", hidden: true, onclick: back }), "undo");

  async function press(kind) {
    const before = held;
    const now = kind === before ? "neutral" : kind;
    show(now);
    if (!(await judge(now, card.id)) && held === now) show(before);
  }

  function show(kind) {
    held = kind;
    like.setAttribute("aria-pressed", String(held === "like"));
    dislike.setAttribute("aria-pressed", String(held === "dislike"));
    suggested.classList.toggle("refused", held === "dislike");
    undo.hidden = held !== "dislike";
    if (held !== "neutral") say(said, "noted");
    else {
      said.removeAttribute("data-say-text");
      said.textContent = "";
    }
  }
  return h("div", { class: "judge" }, like, dislike, said, undo);
}

function order(card) {
  const { state, status, placed, total, items, carrier, tracking, eta } = card.fields;
  const step = STEP_OF[state];
  const row = (key, value) => given(value) && [say(h("dt"), key), h("dd", {}, String(value))];
  return h("div", { class: "card order" },
    h("div", { class: "order-head" },
      h("span", { class: "tile" }, icon("box", 22)),
      h("span", { class: "card-body" },
        say(h("span", { class: "card-title" }), "order", { id: card.id }),
        given(placed) && h("span", { class: "card-note" }, String(placed))),
      given(status ?? state) && h("span", { class: step === undefined ? "state ended" : "state" }, String(status ?? state))),
    step !== undefined && h("div", { class: "steps", "aria-hidden": "true" },
      Array.from({ length: STEPS }, (_, at) => h("span", { class: at <= step ? "step reached" : "step" }))),
    h("dl", {},
      row("expected", eta), row("items", items), row("total", total),
      row("parcel", [carrier, tracking].filter(given).join(" "))));
}

function given(value) {
  return value !== null && value !== undefined && value !== "";
}
