/**
 * Product and order cards beside an answer; loaded when the first one comes. Knows the fields that the tools give;
 * their values are worded already, in the language of the answer.
 */

import { adopt, h, icon, link, safeUrl } from "./dom.js";
import { say } from "./i18n.js";

const FEW = 5;
const STEPS = 4; // in preparation, packed, on its way, delivered
const STEP_OF = { pending_payment: -1, processing: 0, packed: 1, shipped: 2, out_for_delivery: 2, delivered: 3 };

const STYLE = `
.card { display: block; border: 1px solid var(--line); border-radius: 14px; animation: appear 260ms var(--ease); }
.product, .order-head { display: flex; align-items: center; gap: 12px; padding: 10px 12px; }
a.card { text-decoration: none; }
a.card:hover { border-color: var(--edge); }
.tile { display: grid; place-items: center; flex: none; width: 42px; height: 42px; border-radius: 11px; color: var(--accent); background: var(--tint); }
.card-body { display: grid; flex: 1; min-width: 0; line-height: 1.35; }
.card-title { font-size: 14px; font-weight: 600; overflow-wrap: anywhere; }
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
`;
let styled = false;

/** `root`: the shadow root that the card will live in. */
export function cardNode(card, base, root) {
  if (!styled) adopt(root, STYLE);
  styled = true;
  return card.kind === "order" ? order(card) : product(card, base);
}

function product(card, base) {
  const { price, availability, pieces, category, url } = card.fields;
  const stock = given(availability) && h("span", { class: `stock ${pieces === 0 ? "out" : given(pieces) && pieces <= FEW ? "few" : ""}` }, String(availability));
  const body = [
    h("span", { class: "tile" }, icon("tag", 22)),
    h("span", { class: "card-body" },
      h("span", { class: "card-title" }, card.title),
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
