/**
 * Drawn pictures instead of photographs: a still life of plain shapes for each kind of product, in a palette and on
 * a ground chosen by the product's number, so that a product always looks the same. Knows names of categories only.
 */

import { s } from "/widget/current/dom.js";

// ground, main, dark, light
const PALETTES = [
  ["#dfe7dc", "#8aa58a", "#47685a", "#f7f3e9"],
  ["#f1dfd2", "#d0916f", "#86492f", "#fcf6ef"],
  ["#d9e5ec", "#7fa3b8", "#365a73", "#f6f4ee"],
  ["#f3e6c6", "#d4a947", "#74591c", "#fffaf0"],
  ["#e9dde7", "#aa87a5", "#5c415d", "#faf5f8"],
  ["#e6e2da", "#a79f91", "#544e45", "#fbf9f5"],
];

const box = (x, y, width, height, rx, fill, more = {}) => s("rect", { x, y, width, height, rx, fill, ...more });
const disc = (cx, cy, r, fill, more = {}) => s("circle", { cx, cy, r, fill, ...more });
const oval = (cx, cy, rx, ry, fill, more = {}) => s("ellipse", { cx, cy, rx, ry, fill, ...more });
const shape = (d, fill) => s("path", { d, fill });
const line = (d, stroke, width = 4) =>
  s("path", { d, fill: "none", stroke, "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" });

// Each draws in a field of 200 × 150 with its foot at y = 122.
const DRAWINGS = {
  knife: (a, b, c) => [
    box(40, 40, 120, 82, 14, a), disc(146, 54, 5, b), line("M54 104h40M54 112h24", b, 2),
    s("g", { transform: "rotate(-16 100 80)" }, shape("M38 88c26-22 62-26 80-24v24Z", c), box(118, 62, 50, 18, 8, b), disc(132, 71, 2.2, c), disc(152, 71, 2.2, c)),
  ],
  pot: (a, b, c) => [
    box(52, 66, 96, 56, 14, a), box(46, 60, 108, 12, 6, b), box(36, 72, 20, 9, 4.5, b), box(144, 72, 20, 9, 4.5, b),
    shape("M60 60c6-18 74-18 80 0Z", a), box(92, 38, 16, 10, 5, b), box(64, 82, 7, 28, 3.5, c, { opacity: 0.55 }),
  ],
  cup: (a, b, c) => [
    shape("M64 62h62v38a22 22 0 0 1-22 22H86a22 22 0 0 1-22-22Z", a), line("M126 72h8a13 13 0 0 1 0 26h-9", a, 7), oval(95, 62, 31, 7, b),
    line("M82 48c-5-7 5-11 0-19", c, 4), line("M98 48c-5-7 5-11 0-19", c, 4), line("M114 48c-5-7 5-11 0-19", c, 4),
  ],
  plate: (a, b, c) => [
    disc(100, 78, 46, c), disc(100, 78, 46, a, { opacity: 0.35 }), disc(100, 78, 30, c), line("M36 42v26m-6-26v18a6 6 0 0 0 12 0V42m-6 26v52", b, 4),
    shape("M162 40c10 8 10 34 3 44h-3Z", b), line("M163 80v40", b, 5),
  ],
  kettle: (a, b, c) => [
    shape("M62 122c-6-22 4-60 14-66h48c10 6 20 44 14 66Z", a), line("M78 56c0-26 44-26 44 0", b, 7), shape("M134 74c14-2 18-14 26-14l-2 8c-6 4-10 24-22 28Z", a),
    box(90, 48, 20, 8, 4, b), box(58, 116, 84, 8, 4, b), box(74, 74, 8, 30, 4, c, { opacity: 0.5 }),
  ],
  jar: (a, b, c) => [
    box(44, 58, 48, 64, 12, a), box(48, 46, 40, 14, 5, b), box(52, 78, 32, 26, 4, c), box(104, 78, 54, 44, 12, b), box(110, 66, 42, 14, 5, a),
    disc(131, 100, 11, c), line("M60 88h16m-16 8h10", b, 2.5),
  ],
  pillow: (a, b, c) => [
    shape("M40 70c20-8 98-8 118 0 6 14 6 30 0 44-20 8-98 8-118 0-6-14-6-30 0-44Z", a), shape("M56 46c18-7 72-7 90 0 4 8 4 14 3 20-24-5-70-5-96 0-1-6-1-12 3-20Z", c),
    line("M66 92h68M74 102h52", b, 3), line("M62 56h18", b, 2.5),
  ],
  towel: (a, b, c) => [
    box(48, 96, 104, 26, 11, a), box(54, 72, 92, 26, 11, c), box(60, 48, 80, 26, 11, b), line("M64 109h60M70 85h48M76 61h36", a, 2.5), line("M64 109h60", c, 2.5),
  ],
  lamp: (a, b, c) => [
    shape("M72 68 86 30h28l14 38Z", a), line("M100 68v46", b, 5), box(76, 114, 48, 8, 4, b), shape("M72 70h56l18 44H54Z", c), box(97, 68, 6, 46, 3, b), disc(118, 84, 3, b),
  ],
  plant: (a, b, c) => [
    shape("M72 92h56l-8 30H80Z", b), box(68, 84, 64, 12, 5, b), shape("M100 84c-4-24-22-34-40-34 2 22 18 34 40 34Z", a), shape("M100 84c4-32 20-46 42-50 4 28-14 46-42 50Z", a),
    shape("M100 84c-12-22-10-42 2-58 12 18 10 38-2 58Z", c), line("M100 84V48", a, 2.5),
  ],
  tent: (a, b, c) => [
    shape("M100 40 164 122H36Z", a), shape("M100 40 124 122H76Z", b), shape("M100 66 112 122H88Z", c), line("M100 40V28", b, 3), shape("M100 28h18l-6 5 6 5h-18Z", c), disc(154, 44, 12, c),
  ],
  bottle: (a, b, c) => [
    box(62, 64, 34, 58, 9, a), box(72, 46, 14, 20, 3, b), line("M79 46v-8h12", b, 5), box(68, 82, 22, 24, 3, c), box(108, 84, 40, 38, 10, c), box(108, 76, 40, 14, 5, b),
    shape("M128 98c8 6 8 14 0 18-8-4-8-12 0-18Z", a),
  ],
  notebook: (a, b, c) => [
    box(58, 40, 66, 82, 6, a), box(58, 40, 12, 82, 5, b), box(82, 56, 32, 20, 3, c), line("M86 64h22", b, 2.5), shape("m140 44 10 4-20 66-9 8-1-12Z", c), shape("m140 44 10 4-3 9-10-4Z", b),
  ],
  paw: (a, b, c) => [
    shape("M50 96h100l-8 26H58Z", a), oval(100, 96, 50, 9, b), oval(100, 62, 15, 12, c), disc(80, 50, 6.5, c), disc(93, 40, 7, c), disc(108, 40, 7, c), disc(121, 50, 6.5, c), oval(100, 96, 40, 5, c),
  ],
  blocks: (a, b, c) => [
    box(50, 84, 38, 38, 5, a), box(92, 84, 38, 38, 5, c), box(70, 44, 38, 38, 5, b), disc(69, 103, 9, c), shape("M111 94 121 112h-20Z", b), box(82, 56, 14, 14, 3, a), disc(148, 108, 14, a),
  ],
  card: (a, b, c) => [
    box(48, 56, 104, 66, 9, a), box(90, 56, 10, 66, 0, b), box(48, 82, 104, 10, 0, b), line("M95 56c-24-22-34-2-12 0h12m0 0c24-22 34-2 12 0h-12", b, 5), line("M116 108h24", c, 3),
  ],
  candle: (a, b, c) => [
    box(56, 70, 44, 52, 8, a), box(62, 84, 32, 22, 3, c), line("M78 70v-8", b, 3), shape("M78 38c9 10 9 20 0 22-9-2-9-12 0-22Z", c), box(114, 92, 34, 30, 7, b), line("M131 92v-6", a, 3),
    shape("M131 66c7 8 7 16 0 18-7-2-7-10 0-18Z", c),
  ],
  bag: (a, b, c) => [
    line("M78 62V52a22 22 0 0 1 44 0v10", b, 6), shape("M56 60h88l8 56a6 6 0 0 1-6 6H54a6 6 0 0 1-6-6Z", a), box(74, 82, 52, 26, 5, c), line("M86 95h28", b, 2.5),
  ],
  shirt: (a, b, c) => [
    shape("M80 36 50 50l10 26 14-5v51h52V71l14 5 10-26-30-14c-6 12-34 12-40 0Z", a), line("M82 37c6 13 30 13 36 0", b, 4), box(104, 66, 14, 14, 3, c), line("M74 116h52", b, 2),
  ],
  mat: (a, b, c) => [
    shape("M58 88h104v34H58Z", a), disc(58, 96, 26, b), disc(58, 96, 17, a), disc(58, 96, 9, c), line("M104 88v34M132 88v34", b, 3), disc(150, 58, 14, c),
  ],
  chair: (a, b, c) => [
    line("M66 122 72 94M134 122l-6-28", b, 6), box(62, 78, 76, 18, 8, a), shape("M68 78V44a14 14 0 0 1 14-14h36a14 14 0 0 1 14 14v34Z", c), line("M84 44v28M100 44v28M116 44v28", a, 4),
  ],
  vase: (a, b, c) => [
    shape("M78 122c-18-24-8-44 6-54V52h24v16c14 10 24 30 6 54Z", a), box(80, 46, 32, 9, 4.5, b), line("M96 46c0-14-8-20-18-22M96 46c2-16 10-22 20-24", b, 3), disc(76, 24, 6, c), disc(118, 21, 7, c), disc(140, 108, 14, c),
  ],
};

const KINDS = [
  [/kni(fe|ves)|cutlery/i, "knife"], [/cook|pan\b|bak/i, "pot"], [/coffee|tea/i, "cup"], [/table|dinner|plate/i, "plate"],
  [/applianc|kettle/i, "kettle"], [/pantry|food|spice/i, "jar"], [/bed|pillow|cushion|textile/i, "pillow"], [/towel|bath|laundry/i, "towel"],
  [/candle|fragrance/i, "candle"], [/light|lamp/i, "lamp"], [/bag|luggage/i, "bag"], [/cloth|wear|shirt/i, "shirt"], [/yoga|fitness|sport/i, "mat"], [/furnitur|chair/i, "chair"], [/garden|plant|grow/i, "plant"], [/outdoor|camp|travel|hik/i, "tent"], [/wellness|care|beauty|soap/i, "bottle"],
  [/station|paper|office|desk/i, "notebook"], [/pet|dog|cat\b/i, "paw"], [/kid|toy|child|baby/i, "blocks"], [/gift|card|voucher/i, "card"],
];

/** The picture of a product. */
export function picture(product) {
  const number = hash(product.sku);
  const kind = KINDS.find(([pattern]) => pattern.test(product.category))?.[1] ?? "vase";
  const [ground, ...colours] = PALETTES[number % PALETTES.length];
  const grounds = [
    () => disc(100, 74, 58, colours[2], { opacity: 0.55 }),
    () => shape("M48 150V76a52 52 0 0 1 104 0v74Z", colours[2]),
    () => box(0, 104, 200, 46, 0, colours[2]),
    () => disc(146, 44, 26, colours[2]),
  ];
  const back = grounds[(number >>> 3) % grounds.length]();
  if (!back.hasAttribute("opacity")) back.setAttribute("opacity", "0.6");
  const mirrored = (number >>> 5) % 2 ? { transform: "translate(200 0) scale(-1 1)" } : {};
  return s("svg", { viewBox: "0 0 200 150", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" },
    box(0, 0, 200, 150, 0, ground), back, oval(100, 123, 62, 4, colours[1], { opacity: 0.18 }),
    s("g", mirrored, DRAWINGS[kind](...colours)));
}

/** The picture beside the headline. */
export function stillLife() {
  const [ground, main, dark, light] = PALETTES[0];
  const [, clay] = PALETTES[1];
  const at = (x, y, size, parts) => s("g", { transform: `translate(${x} ${y}) scale(${size})` }, parts);
  return s("svg", { viewBox: "0 0 560 330", preserveAspectRatio: "xMidYMid slice" },
    box(0, 0, 560, 330, 0, ground), disc(372, 122, 84, light, { opacity: 0.75 }), box(0, 244, 560, 86, 0, main, { opacity: 0.45 }),
    at(40, 74, 1.6, DRAWINGS.vase(clay, dark, light)), at(180, 78, 1.6, DRAWINGS.kettle(dark, main, light)), at(344, 144, 1.1, DRAWINGS.cup(clay, dark, light)));
}

function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619);
  return value >>> 0;
}
