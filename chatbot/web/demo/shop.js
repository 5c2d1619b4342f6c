/**
 * The demo shop's page: products with filter and search, a switch of simulated customers, and what a shop tells the
 * widget (who is signed in, which product is looked at or asked about). A real shop would have its own page and server
 * instead.
 */

import { h, safeUrl } from "/widget/current/dom.js";
import { icon } from "/widget/current/icons.js";
import { picture, stillLife } from "./art.js";

const PAGE_SIZE = 24;
const FETCH_SIZE = 100;
const MOST = 1000;
const ASKS = ["What does delivery to Austria cost?", "Can I return an opened gift?", "Which knives may go into the dishwasher?", "Where is my order?"];

const $ = (id) => document.getElementById(id);
const state = { products: [], category: null, query: "", shown: PAGE_SIZE };

/** `window.Kefu`, as soon as the launcher is there. */
function kefu() {
  if (window.Kefu) return Promise.resolve(window.Kefu);
  return new Promise((resolve) => addEventListener("kefu:ready", () => resolve(window.Kefu), { once: true }));
}

async function get(path, body) {
  const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {};
  const response = await fetch(path, options);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

// --- products ------------------------------------------------------------------------------------------------

async function loadProducts() {
  const page = (offset) => get(`/api/products?limit=${FETCH_SIZE}&offset=${offset}`);
  const first = await page(0);
  const offsets = [];
  for (let at = first.items.length; at && at < Math.min(first.total, MOST); at += FETCH_SIZE) offsets.push(at);
  const rest = await Promise.all(offsets.map(page));
  state.products = mixed([first, ...rest].flatMap((it) => it.items));
  showFilters();
  showProducts();
}

/** One of each category, then the next of each: the first screen shows what the shop has. */
function mixed(products) {
  const counts = new Map();
  const place = (product) => {
    const count = counts.get(product.category) ?? 0;
    counts.set(product.category, count + 1);
    return count;
  };
  return products.map((product) => [place(product), product]).sort(([a], [b]) => a - b).map(([, product]) => product);
}

function matching() {
  const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
  return state.products.filter((product) => {
    if (state.category && product.category !== state.category) return false;
    const text = `${product.name} ${product.name_zh} ${product.category} ${product.brand} ${product.description} ${product.sku}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function showFilters() {
  const categories = [...new Set(state.products.map((product) => product.category))].sort();
  const choose = (category) => {
    state.category = category;
    state.shown = PAGE_SIZE;
    for (const button of $("filters").children) button.setAttribute("aria-pressed", String(button.dataset.category === (category ?? "")));
    showProducts();
  };
  const button = (label, category) =>
    h("button", { type: "button", "data-category": category ?? "", "aria-pressed": String(state.category === category), onclick: () => choose(category) }, label);
  $("filters").replaceChildren(button("Everything", null), ...categories.map((category) => button(category, category)));
}

function showProducts() {
  const found = matching();
  $("products").replaceChildren(...found.slice(0, state.shown).map((product) => h("li", {}, tile(product))));
  $("count").textContent = found.length === 1 ? "1 product" : `${found.length} products`;
  $("more").hidden = found.length <= state.shown;
}

function tile(product) {
  return h("button", { type: "button", class: "tile", onclick: () => showDetail(product) },
    h("span", { class: "picture" }, picture(product)),
    h("span", { class: "tile-name" }, product.name),
    h("span", { class: "tile-note" }, product.category),
    h("span", { class: "tile-price" }, h("span", {}, price(product)), stock(product)));
}

function price(product) {
  const amounts = [product.price, ...product.variants.map((variant) => variant.price)].filter((it) => it !== null).map(Number);
  if (!amounts.length) return "";
  const format = new Intl.NumberFormat(document.documentElement.lang || "en", { style: "currency", currency: product.currency || "EUR" });
  const [least, most] = [Math.min(...amounts), Math.max(...amounts)];
  return least === most ? format.format(least) : `from ${format.format(least)}`;
}

function stock(product) {
  const counts = product.variants.map((variant) => variant.stock);
  const total = counts.length && !counts.includes(null) ? counts.reduce((sum, it) => sum + it, 0) : product.stock;
  if (total === null) return null;
  const words = total > 5 ? "In stock" : total > 0 ? `Only ${total} left` : "Sold out";
  return h("span", { class: total > 0 ? "stock" : "stock out" }, words);
}

async function showDetail(product) {
  const dialog = $("detail");
  const facts = Object.entries(product.attributes).map(([name, value]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, String(value))]);
  const options = {};
  for (const variant of product.variants) {
    for (const [name, value] of Object.entries(variant.options)) (options[name] ??= new Set()).add(value);
  }
  for (const [name, values] of Object.entries(options)) facts.push([h("dt", {}, name), h("dd", {}, [...values].join(", "))]);
  const ask = async () => {
    dialog.close();
    const chat = await kefu();
    chat.setContext({ product: { sku: product.sku, name: product.name } });
    chat.open();
  };
  const page = safeUrl(product.url, location.href);
  dialog.replaceChildren(h("div", { class: "detail-inside" },
    h("button", { type: "button", class: "detail-close", "aria-label": "Close", onclick: () => dialog.close() }, icon("close", 20)),
    h("div", { class: "picture" }, picture(product)),
    h("div", { class: "detail-text" },
      h("h2", { id: "detail-title" }, product.name),
      h("p", { class: "tile-note" }, [product.brand, product.sku].filter(Boolean).join(" · ")),
      h("p", { class: "detail-price" }, price(product), stock(product)),
      h("p", {}, product.description),
      h("dl", {}, facts),
      page && h("p", {}, h("a", { href: page, rel: "noopener noreferrer" }, "Product page")),
      h("button", { type: "button", class: "ask", onclick: ask }, "Ask about this product"))));
  dialog.showModal();
  (await kefu()).track("view", product.sku);
}

// --- who is signed in ----------------------------------------------------------------------------------------

async function loadCustomers() {
  const { customers } = await get("/api/demo/customers");
  const select = $("customer");
  for (const { id, name, country } of customers) select.append(h("option", { value: id }, country ? `${name} (${country})` : name));
  select.value = sessionStorage.getItem("demo-customer") ?? "";
  if (select.selectedIndex < 0) select.value = "";
  $("account").hidden = false;
  select.addEventListener("change", () => signIn(select.value));
  if (select.value) await signIn(select.value);
}

async function signIn(customer) {
  const chat = await kefu();
  if (customer) {
    const { identity } = await get("/api/demo/identity", { customer_id: customer });
    sessionStorage.setItem("demo-customer", customer);
    chat.identify(identity);
  } else {
    sessionStorage.removeItem("demo-customer");
    chat.reset();
  }
}

// --- start ---------------------------------------------------------------------------------------------------

function attempt(work) {
  work.catch((error) => {
    $("problem").textContent = `Something could not be loaded: ${error.message}. Reload the page to try again.`;
    $("problem").hidden = false;
  });
}

$("still-life").append(stillLife());
$("asks").append(...ASKS.map((text) => h("button", { type: "button", onclick: async () => (await kefu()).open(text) }, text)));
$("search").addEventListener("submit", (event) => event.preventDefault());
$("query").addEventListener("input", () => {
  state.query = $("query").value;
  state.shown = PAGE_SIZE;
  showProducts();
});
$("more").addEventListener("click", () => {
  state.shown += PAGE_SIZE;
  showProducts();
});
attempt(loadProducts());
attempt(get("/api/shop").then((shop) => {
  if (shop.simulated) attempt(loadCustomers());
}));
