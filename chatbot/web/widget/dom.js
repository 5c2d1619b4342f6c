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

// --- icons: drawn for kefu on a grid of 24, as strokes; those of what is loaded later are in icons.js ---------

const ICONS = {
  dots: ["M5.5 12h.01", "M12 12h.01", "M18.5 12h.01"],
  minimise: ["m6.5 9.5 5.5 5.5 5.5-5.5"],
  offline: ["m4 4 16 16", "M5 12.5a10 10 0 0 1 4.2-2.5", "M19 12.5a10 10 0 0 0-5-2.8", "M8.5 16a5 5 0 0 1 5.6-1", "M12 19.5h.01"],
  person: ["M12 4.5a3.6 3.6 0 1 0 0 7.2 3.6 3.6 0 0 0 0-7.2Z", "M5 20c.6-3.6 3.4-5.6 7-5.6s6.4 2 7 5.6"],
  send: ["M12 19V5", "m6 11 6-6 6 6"],
  warning: ["m12 4 9 16H3Z", "M12 10v4.5", "M12 17.3h.01"],
};

export function icon(name, size = 20) {
  return drawn(ICONS[name], size, name === "dots" ? 2.6 : 1.7);
}

export function drawn(shapes, size, width = 1.7) {
  const style = { fill: "none", stroke: "currentColor", "stroke-width": width };
  const round = { "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" };
  const box = { viewBox: "0 0 24 24", width: size, height: size, class: "icon" };
  return s("svg", { ...box, ...style, ...round }, shapes.map((d) => s("path", { d })));
}
