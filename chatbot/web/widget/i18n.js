/** Says things in the shopper's language. The words are in `words.*.js`; only the spoken language is loaded. */

let locale = "en";
let words = {};

export async function setLocale(next) {
  words = (await import(`./words.${next}.js`)).default;
  locale = next;
}

export function currentLocale() {
  return locale;
}

export function t(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Let a node say a word and go on saying it when the language changes: its text, or the attribute `where`.
 * `retranslate` finds such nodes again, so no list of them has to be kept.
 */
export function say(node, key, values = {}, where = "text") {
  node.setAttribute(`data-say-${where}`, JSON.stringify([key, values]));
  put(node, where, t(key, values));
  return node;
}

/** The same words as the name for a screen reader and as the hint under the pointer, for buttons without text. */
export function label(node, key, values = {}) {
  return say(say(node, key, values, "aria-label"), key, values, "title");
}

export function retranslate(root) {
  for (const where of ["text", "aria-label", "title", "placeholder"]) {
    for (const node of root.querySelectorAll(`[data-say-${where}]`)) {
      const [key, values] = JSON.parse(node.getAttribute(`data-say-${where}`));
      put(node, where, t(key, values));
    }
  }
}

function put(node, where, words) {
  if (where === "text") node.textContent = words;
  else node.setAttribute(where, words);
}
