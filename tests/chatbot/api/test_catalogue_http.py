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


def test_products_are_found_and_counted(shared_server: Any) -> None:
    def found(query: str) -> Any:
        return shared_server.http.get(f"/api/search{query}").json()

    answer = found("?q=steel pan")
    assert [item["sku"] for item in answer["items"]] == ["KIT-0002", "KIT-0001"]
    assert answer["total"] == 2
    assert answer["counts"]["categories"] == {"Kitchen": 2}
    assert answer["counts"]["options"] == {"colour": {"red": 1}}
    assert answer["counts"]["prices"] == [
        {"low": "20", "high": "25", "count": 1},
        {"low": "35", "high": "40", "count": 1},
    ]
    # The page is a part of what is counted.
    page = found("?q=pan&limit=1&offset=1")
    assert [item["sku"] for item in page["items"]] == ["KIT-0001"]
    assert page["counts"] == answer["counts"]
    # Prices are held against the shop's own figures, whatever the index says.
    assert [item["sku"] for item in found("?q=pan&max_price=30")["items"]] == ["KIT-0001"]
    assert shared_server.http.get("/api/search").status_code == 422
