"""Products and passages over HTTP."""

from __future__ import annotations

from typing import Any


def test_products_are_paged_and_filtered(shared_server: Any) -> None:
    def skus(query: str) -> tuple[list[str], int]:
        answer = shared_server.http.get(f"/api/products{query}").json()
        return [item["sku"] for item in answer["items"]], answer["total"]

    assert skus("") == (["GAR-0001", "KIT-0001", "KIT-0002"], 3)
    assert skus("?limit=2") == (["GAR-0001", "KIT-0001"], 3)
    assert skus("?limit=2&offset=2") == (["KIT-0002"], 3)
    assert skus("?offset=99") == ([], 3)
    assert skus("?category=kitchen") == (["KIT-0001", "KIT-0002"], 2)
    assert skus("?category=None") == ([], 0)


def test_one_product_by_its_sku_or_a_variants(shared_server: Any) -> None:
    product = shared_server.http.get("/api/products/KIT-0001").json()
    assert product["price"] == "19.90"
    assert product["currency"] == "EUR"
    assert product["attributes"] == {"material": "steel"}
    assert product["variants"] == [
        {"sku": "KIT-0001-RED", "options": {"colour": "red"}, "price": "20.90", "stock": 1}
    ]
    assert shared_server.http.get("/api/products/kit-0001-red").json() == product
    assert shared_server.http.get("/api/products/KIT-9999").status_code == 404


def test_a_cited_passage(shared_server: Any) -> None:
    passage = shared_server.http.get("/api/passages/returns.md%230").json()
    assert passage == {
        "id": "returns.md#0",
        "title": "Returns › Deadline",
        "text": "You have 30 days. The label is free.",
        "source": "returns.md",
        "url": None,
    }
    assert shared_server.http.get("/api/passages/returns.md/9").status_code == 404
