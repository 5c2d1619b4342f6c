/** Finds the product that a shop's page is about, in what the page says to machines. Sends nothing. */

/** Its SKU: `<meta name="kefu:product" content="…">`, or the one Product of the page's JSON-LD; null if there is none. */
export function currentProduct(page) {
  const named = page.querySelector('meta[name="kefu:product"]')?.content.trim();
  if (named) return named;
  const found = new Set();
  for (const script of page.querySelectorAll('script[type="application/ld+json"]')) {
    try {
      collect(JSON.parse(script.textContent), found);
    } catch {
      // no JSON: search engines cannot read it either
    }
  }
  return found.size === 1 ? [...found][0] : null; // a list of products is no product's page
}

/** Only what the page itself is about: products that are named in others are accessories, lists, alternatives. */
function collect(data, found) {
  if (Array.isArray(data)) {
    for (const item of data) collect(item, found);
    return;
  }
  if (!data || typeof data !== "object") return;
  const types = [data["@type"]].flat().map((type) => String(type).replace(/^https?:\/\/schema\.org\//, ""));
  if (types.includes("Product") && ["string", "number"].includes(typeof data.sku) && String(data.sku).trim()) found.add(String(data.sku).trim());
  for (const part of ["@graph", "mainEntity"]) if (data[part]) collect(data[part], found);
}
