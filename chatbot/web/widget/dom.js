/**
 * Build DOM nodes. Text goes in as text nodes, never as HTML, so nothing that a shopper, a product or a page says
 * can become markup. Knows nothing of the chat.
 */

/** `h("button", {class: "x", onclick: handler}, "text", node)`; null, undefined and false are left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An address that is safe to link to, or null: `javascript:` and its kin never pass. */
export function safeUrl(address, base) {
  if (typeof address !== "string" || address === "") return null;
  let url;
  try {
    url = new URL(address, base);
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
}

export function link(address, ...children) {
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** Add a style sheet to a shadow root; a constructed sheet needs no 'unsafe-inline' in the shop's CSP. */
export function adopt(root, css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}

// --- icons: drawn for kefu on a grid of 24, as strokes -------------------------------------------------------

const ICONS = {
  back: ["M19 12H5", "m11 6-6 6 6 6"],
  box: ["m4 8 8-4 8 4v8l-8 4-8-4Z", "m4 8 8 4 8-4", "M12 12v8", "m8 6 8 4"],
  check: ["m5 12.5 4.5 4.5L19 7.5"],
  close: ["m6 6 12 12", "M18 6 6 18"],
  copy: ["M9 9h10v11H9Z", "M15 9V4H5v11h4"],
  dots: ["M5.5 12h.01", "M12 12h.01", "M18.5 12h.01"],
  down: ["M7 14V4H4v10Z", "m7 13 4 7c1.3 0 2.2-1 2-2.4L12.5 14H18a2 2 0 0 0 2-2.4l-1-5.8A2.2 2.2 0 0 0 16.8 4H7"],
  globe: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z", "M4.5 10h15", "M4.5 14h15", "M12 4c-4.6 4.6-4.6 11.4 0 16", "M12 4c4.6 4.6 4.6 11.4 0 16"],
  minimise: ["m6.5 9.5 5.5 5.5 5.5-5.5"],
  offline: ["m4 4 16 16", "M5 12.5a10 10 0 0 1 4.2-2.5", "M19 12.5a10 10 0 0 0-5-2.8", "M8.5 16a5 5 0 0 1 5.6-1", "M12 19.5h.01"],
  open: ["M14 5h5v5", "m19 5-8 8", "M11 6H6a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1h11a1 1 0 0 0 1-1v-5"],
  person: ["M12 4.5a3.6 3.6 0 1 0 0 7.2 3.6 3.6 0 0 0 0-7.2Z", "M5 20c.6-3.6 3.4-5.6 7-5.6s6.4 2 7 5.6"],
  restart: ["M5 12a7 7 0 1 1 2.2 5.1", "M4.5 20v-4h4"],
  send: ["M12 19V5", "m6 11 6-6 6 6"],
  tag: ["M4 4h8l8 8-8 8-8-8Z", "M8.2 8.2h.01"],
  up: ["M7 10v10H4V10Z", "m7 11 4-7c1.3 0 2.2 1 2 2.4L12.5 10H18a2 2 0 0 1 2 2.4l-1 5.8a2.2 2.2 0 0 1-2.2 1.8H7"],
  warning: ["m12 4 9 16H3Z", "M12 10v4.5", "M12 17.3h.01"],
};

export function icon(name, size = 20) {
  const style = { fill: "none", stroke: "currentColor", "stroke-width": name === "dots" ? 2.6 : 1.7 };
  const round = { "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" };
  const box = { viewBox: "0 0 24 24", width: size, height: size, class: "icon" };
  return s("svg", { ...box, ...style, ...round }, ICONS[name].map((d) => s("path", { d })));
}
