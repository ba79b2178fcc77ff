"""Lists products with the client that openapi-python-client makes of the API description."""

import os
import sys

from bloom_client import AuthenticatedClient
from bloom_client.api.catalog import product_get, product_list
from bloom_client.models import Problem, ProductListItemPage


def main() -> int:
    client = AuthenticatedClient(base_url=os.environ["BLOOM_URL"], token=os.environ["BLOOM_PUBLISHABLE_KEY"])
    page = product_list.sync(client=client, limit=2)
    if not isinstance(page, ProductListItemPage):
        print(f"no page: {page}")
        return 1
    titles: list[str] = [product.title for product in page.data]
    problem = product_get.sync("prod_0", client=client)
    if not isinstance(problem, Problem):
        print(f"no problem: {problem}")
        return 1
    code: str = problem.code
    print(f"Python: {', '.join(titles)}; an unknown id is refused as {code}")
    return 0 if len(titles) == page.page.limit and code == "not_found" else 1


if __name__ == "__main__":
    sys.exit(main())
