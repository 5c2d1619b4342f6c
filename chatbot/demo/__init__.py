"""The packaged demo shop: invented catalogue, pages, rates, approved answers and simulated customers."""
