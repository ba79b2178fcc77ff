"""A tour of the API in the demo shop: every operation succeeds at least once, and is refused in the ways that its users meet.

What the tour asks and is answered becomes the examples of the API description (`examples.py`), and the requests that the
fuzzer begins with (`fuzz.py`). An operation that is added to a service is added here.
"""

from typing import Any

from shop import Exchange, Shop

ADDRESS = {"name": "Asha Rao", "line1": "12 Residency Road", "city": "Bengaluru", "postal_code": "560025", "country": "IN"}
PAGE = {"limit": 2}


def rupees(paise: int) -> dict[str, Any]:
    return {"amount": paise, "currency": "INR"}


class Tour:
    def __init__(self, shop: Shop):
        self.shop = shop
        self.call = shop.call

    def run(self) -> None:
        self.identity()
        self.inventory_locations()
        self.pricing()
        self.catalog()
        self.catalog_import()
        self.prices()
        self.stock()
        self.delivery()
        self.payment_connections()
        self.carts()
        self.checkouts()
        self.orders()
        self.fulfilments()
        self.payments()
        self.refusals_of_all()

    # --- what every resource has ----------------------------------------------------------------------------------------

    def first(self, operation: str, **query: Any) -> str:
        """The id of the first thing in a list."""
        return str(self.call(operation, query=PAGE | query)["data"][0]["id"])

    def change(self, operation: str, thing: Exchange, *ids: str, body: Any = None, **rest: Any) -> Exchange:
        """Changes a thing in the version that was read; a stale version and none are refused."""
        body_of = {"body": body} if body is not None else {}
        self.call(operation, *ids, **body_of, **rest, expect=428)
        headers = rest.pop("headers", {})
        done = self.call(operation, *ids, **body_of, **rest, headers=headers | {"If-Match": thing.etag})
        self.call(operation, *ids, **body_of, **rest, headers=headers | {"If-Match": '"9999"'}, expect=(404, 412))
        return done

    # --- identity -------------------------------------------------------------------------------------------------------

    def identity(self) -> None:
        self.call("account_get")
        staging = self.call(
            "environment_create", body={"name": "Staging", "time_zone": "Asia/Kolkata", "locale": "en-IN", "currency": "INR"}
        )
        self.shop.keys["staging"] = staging["secret"]
        # A sandbox's key sees its own environment only.
        environment = self.call("environment_list", query=PAGE, key="staging")["data"][0]["id"]
        read = self.call("environment_get", environment)
        self.change("environment_update", read, environment, body={"locale": "hi-IN"})
        created = self.call("api_key_create", body={"kind": "secret", "name": "Warehouse", "scopes": ["inventory:read", "inventory:write"]})
        key = created["api_key"]["id"]
        self.shop.keys["warehouse"] = created["secret"]
        self.call("api_key_list", query=PAGE)
        self.call("api_key_get", key)
        self.call("order_list", query=PAGE, key="warehouse", expect=403)
        rotated = self.call("api_key_rotate", key, body={"overlap_s": 3600})
        self.call("api_key_rotate", key, body={"overlap_s": 3600}, expect=(409, 422))
        self.call("api_key_revoke", rotated["api_key"]["id"])

    # --- catalog --------------------------------------------------------------------------------------------------------

    def catalog(self) -> None:
        self.channels()
        self.categories()
        self.product_types()
        self.products()
        self.collections()

    def channels(self) -> None:
        self.web = self.call("channel_list", query=PAGE)["data"][0]["id"]
        body = {
            "code": "trade",
            "name": "Trade counter",
            "currency": "INR",
            "price_basis": "net",
            "country": "IN",
            "location_ids": [self.bengaluru],
        }
        channel = self.call("channel_create", body=body)
        self.call("channel_create", body=body, expect=409)
        self.call("channel_get", channel["id"])
        self.change("channel_update", channel, channel["id"], body={"name": "Trade counter Bengaluru"})

    def categories(self) -> None:
        self.call("category_list", query=PAGE)
        self.category = self.call("category_create", body={"name": "Drums", "position": 4, "metadata": {"icon": "disc"}})
        self.call("category_create", body={"name": "Drums"}, expect=(201, 409))
        pads = self.call("category_create", body={"name": "Pads", "parent_id": self.category["id"]})
        self.call("category_get", self.category["id"])
        changed = self.change("category_update", self.category, self.category["id"], body={"name": "Drum brakes"})
        self.call("category_delete", self.category["id"], headers={"If-Match": changed.etag}, expect=409)
        self.change("category_delete", pads, pads["id"])

    def product_types(self) -> None:
        self.call("product_type_list", query=PAGE)
        attributes = [
            {"code": "axle", "name": "Axle", "kind": "enum", "values": ["front", "rear"]},
            {"code": "width_mm", "name": "Width in mm", "kind": "number"},
        ]
        body = {"code": "brake-pad", "name": "Brake pad", "attributes": attributes}
        self.kind = self.call("product_type_create", body=body)
        self.call("product_type_create", body=body, expect=409)
        self.call("product_type_get", self.kind["id"])
        self.change("product_type_update", self.kind, self.kind["id"], body={"name": "Brake pads"})

    def products(self) -> None:
        self.call("product_list", query=PAGE | {"sort": "-created"}, key="publishable")
        body = {
            "title": "Brake Pads — Ceramic",
            "description": "A set of four for the front axle; little dust, no squeal.",
            "external_id": "BM-2001",
            "status": "active",
            "product_type_id": self.kind["id"],
            "attributes": {"axle": "front", "width_mm": 131},
            "category_ids": [self.category["id"]],
            "channel_ids": [self.web],
            "options": [{"name": "Axle", "values": ["front", "rear"]}],
            "media": [{"url": "https://cdn.example.com/brake-pads.jpg", "kind": "image", "alt": "Four brake pads"}],
            "variants": [{"sku": "BP-CER-F", "barcode": "8901234567894", "weight_grams": 1450, "options": {"Axle": "front"}}],
        }
        self.product = self.call("product_create", body=body)
        self.call("product_create", body=body, expect=409)
        product = self.product["id"]
        self.variant = self.product["variants"][0]["id"]
        self.call("product_get", product, query={"expand[]": "price,inventory"})
        self.product = self.change("product_update", self.product, product, body={"description": "A set of four for the front axle."})
        body = {"sku": "BP-CER-R", "weight_grams": 1250, "options": {"Axle": "rear"}}
        rear = self.change("variant_create", self.product, product, body=body)
        self.call("variant_list", product, query=PAGE)
        read = self.call("variant_get", product, rear["id"])
        parent = self.call("product_get", product)
        version = parent if "etag" not in read.headers else read
        self.change("variant_update", version, product, rear["id"], body={"weight_grams": 1200})
        read = self.call("variant_get", product, rear["id"])
        parent = self.call("product_get", product)
        self.change("variant_archive", parent if "etag" not in read.headers else read, product, rear["id"])
        old = self.call("product_create", body={"title": "Brake Pads — Organic", "variants": [{"sku": "BP-ORG-F"}]})
        self.change("product_archive", old, old["id"])

    def collections(self) -> None:
        self.call("collection_list", query=PAGE)
        body = {"code": "brakes", "title": "Stop safely", "description": "Pads and discs."}
        collection = self.call("collection_create", body=body)
        self.call("collection_create", body=body, expect=409)
        self.call("collection_get", collection["id"])
        changed = self.change("collection_update", collection, collection["id"], body={"title": "Stop in time"})
        place = {"products": [{"product_id": self.product["id"], "position": 1}]}
        self.call("collection_place", collection["id"], body=place)
        self.call("collection_displace", collection["id"], self.product["id"])
        self.change("collection_delete", changed, collection["id"])

    def catalog_import(self) -> None:
        line = (
            '{"external_id": "BM-2002", "title": "Brake Disc — Vented", "status": "active", "channels": ["web"], "variants": '
            '[{"sku": "BD-VEN", "weight_grams": 6400, "prices": [{"amount": 289900, "currency": "INR"}], '
            '"stock": [{"location": "BLR-1", "on_hand": 24}]}]}\n'
        )
        wrong = '{"external_id": "BM-2003", "title": "Brake Fluid", "channels": ["nowhere"], "variants": [{"sku": "BF-DOT4"}]}\n'
        job = self.call("import_create", text=line + wrong)
        self.call("import_create", text=line, headers={"Content-Type": "text/csv"}, expect=415)
        self.shop.until("import_get", job["id"], field="status", values=("completed", "failed"))
        self.call("import_report", job["id"])
        self.call("import_list", query=PAGE)

    # --- pricing --------------------------------------------------------------------------------------------------------

    def pricing(self) -> None:
        settings = self.call("pricing_settings_get")
        self.change("pricing_settings_update", settings, body={"rounding": "half_up"})
        self.tax_class = self.first("tax_class_list")
        body = {"code": "reduced", "name": "Reduced"}
        reduced = self.call("tax_class_create", body=body)
        self.call("tax_class_create", body=body, expect=409)
        self.call("tax_class_get", reduced["id"])
        self.change("tax_class_update", reduced, reduced["id"], body={"name": "Reduced rate"})
        self.call("tax_zone_list", query=PAGE)
        zone = self.call("tax_zone_create", body={"name": "Nepal", "areas": [{"country": "NP"}]})
        self.call("tax_zone_create", body={"name": "Nepal once more", "areas": [{"country": "NP"}]}, expect=(201, 409))
        self.call("tax_zone_get", zone["id"])
        zone = self.change("tax_zone_update", zone, zone["id"], body={"name": "Nepal, whole"})
        vat = {"zone_id": zone["id"], "class_id": reduced["id"], "name": "VAT", "rate_ppm": 130_000}
        rate = self.call("tax_rate_create", body=vat)
        self.call("tax_rate_create", body=vat, expect=(201, 409))
        self.call("tax_rate_list", query=PAGE)
        self.call("tax_rate_get", rate["id"])
        rate = self.change("tax_rate_update", rate, rate["id"], body={"rate_ppm": 125_000})
        self.call("tax_zone_delete", zone["id"], headers={"If-Match": zone.etag}, expect=(204, 409))
        self.change("tax_rate_delete", rate, rate["id"])
        bhutan = self.call("tax_zone_create", body={"name": "Bhutan", "areas": [{"country": "BT"}]})
        self.change("tax_zone_delete", bhutan, bhutan["id"])

    def prices(self) -> None:
        self.call("price_list_list", query=PAGE)
        body = {
            "code": "garages",
            "name": "Garages",
            "currency": "INR",
            "gross": True,
            "tax_country": "IN",
            "priority": 10,
            "status": "active",
        }
        prices = self.call("price_list_create", body=body)
        self.call("price_list_create", body=body, expect=409)
        self.call("price_list_get", prices["id"])
        self.change("price_list_update", prices, prices["id"], body={"name": "Garages and fleets"})
        self.call("prices_set", body={"prices": [{"variant_id": self.variant, "price": rupees(189_900)}]})
        body = {"variant_id": self.variant, "price_list_id": prices["id"], "min_quantity": 4, "price": rupees(169_900)}
        price = self.call("price_create", body=body)
        self.call("price_create", body=body, expect=409)
        self.call("prices_list", query=PAGE | {"variant_id": self.variant})
        self.call("price_get", price["id"])
        changed = self.change("price_update", price, price["id"], body={"price": rupees(164_900)})
        self.change("price_delete", changed, price["id"])
        quote = {"lines": [{"variant_id": self.variant, "quantity": 2}], "ship_to": {"country": "IN"}}
        self.call("quote_create", body=quote, key="publishable")

    # --- inventory ------------------------------------------------------------------------------------------------------

    def inventory_locations(self) -> None:
        listed = self.call("location_list", query=PAGE)
        self.bengaluru = listed["data"][0]["id"]
        body = {"code": "BOM-1", "name": "Mumbai", "priority": 3}
        self.mumbai = self.call("location_create", body=body)
        self.call("location_create", body=body, expect=409)
        self.call("location_get", self.mumbai["id"])
        self.change("location_update", self.mumbai, self.mumbai["id"], body={"name": "Navi Mumbai"})

    def stock(self) -> None:
        mumbai = self.mumbai["id"]
        body = {"variant_id": self.variant, "location_id": mumbai, "on_hand": 40, "safety_stock": 2}
        item = self.call("item_create", body=body)
        self.call("item_create", body=body, expect=409)
        self.call("item_list", query=PAGE | {"variant_id": self.variant})
        self.call("item_get", self.variant, mumbai)
        self.change("item_update", item, self.variant, mumbai, body={"safety_stock": 4, "backorder_limit": 10})
        received = [{"variant_id": self.variant, "location_id": self.bengaluru, "quantity": 120}]
        self.call("adjustment_create", body={"kind": "received", "reason": "Purchase order 4711", "lines": received})
        broken = [{"variant_id": self.variant, "location_id": self.bengaluru, "quantity": -9_000}]
        self.call("adjustment_create", body={"kind": "adjusted", "reason": "Broken in transit", "lines": broken}, expect=(409, 422))
        self.call("movement_list", query=PAGE | {"variant_id": self.variant})
        hold = self.call("hold_create", body=self.hold(3))
        self.call("hold_create", body=self.hold(900_000), expect=(409, 422))
        self.call("hold_list", query=PAGE | {"status": "active"})
        self.call("hold_get", hold["id"])
        self.call("hold_extend", hold["id"], body={"ttl_seconds": 7_200})
        self.call("hold_release", hold["id"])
        self.call("hold_extend", hold["id"], body={"ttl_seconds": 7_200}, expect=409)

    def hold(self, quantity: int) -> dict[str, Any]:
        line = {"line_id": "1", "variant_id": self.variant, "quantity": quantity}
        return {"lines": [line], "location_ids": [self.bengaluru], "ttl_seconds": 3_600}

    # --- from a cart to an order ----------------------------------------------------------------------------------------

    def delivery(self) -> None:
        self.standard = self.first("delivery_option_list")
        charge = {"type": "weight", "steps": [{"up_to_grams": 5_000, "amount": 14_900}, {"up_to_grams": 30_000, "amount": 39_900}]}
        body = {"code": "courier", "name": "Courier, same day", "currency": "INR", "charge": charge, "countries": ["IN"]}
        option = self.call("delivery_option_create", body=body)
        self.call("delivery_option_create", body=body, expect=409)
        self.call("delivery_option_get", option["id"])
        self.change("delivery_option_update", option, option["id"], body={"name": "Courier, until 8 p.m."})

    def payment_connections(self) -> None:
        self.call("payment_connection_list", query=PAGE)
        body = {"provider": "manual", "name": "Bank transfer"}
        connection = self.call("payment_connection_create", body=body)
        self.call("payment_connection_get", connection["id"])
        self.change("payment_connection_update", connection, connection["id"], body={"name": "NEFT or RTGS"})

    def carts(self) -> None:
        lines = [{"variant_id": self.variant, "quantity": 2}]
        cart = self.call("cart_create", body={"lines": lines}, key="publishable")
        guest: dict[str, Any] = {"key": "publishable", "headers": {"Bloom-Cart-Token": cart["token"]}}
        self.call("cart_get", cart["id"], **guest)
        self.call("cart_get", cart["id"], key="publishable", expect=401)
        cart = self.change("cart_line_add", cart, cart["id"], body={"lines": lines}, **guest)
        line = cart["lines"][0]["id"]
        cart = self.change("cart_line_update", cart, cart["id"], line, body={"quantity": 1}, **guest)
        self.call("cart_delivery_options", cart["id"], **guest)
        details = {"email": "asha@example.com", "shipping_address": ADDRESS, "delivery_option_id": self.standard}
        cart = self.change("cart_update", cart, cart["id"], body=details, **guest)
        self.change("cart_line_remove", cart, cart["id"], line, **guest)

    def cart(self, quantity: int) -> tuple[Exchange, dict[str, Any]]:
        """A guest's cart that can be bought."""
        lines = [{"variant_id": self.variant, "quantity": quantity}]
        details = {"email": "asha@example.com", "shipping_address": ADDRESS, "delivery_option_id": self.standard}
        cart = self.call("cart_create", body={"lines": lines} | details, key="publishable")
        return cart, {"key": "publishable", "headers": {"Bloom-Cart-Token": cart["token"]}}

    def buy(self, quantity: int, payment: dict[str, Any], **rest: Any) -> Exchange:
        cart, guest = self.cart(quantity)
        checkout = self.call("checkout_create", body={"cart_id": cart["id"], "payment": payment}, **guest, **rest)
        if checkout.status == 201:
            return checkout
        return self.shop.until("checkout_get", checkout["id"], field="status", values=("completed", "action_required"), **guest)

    def checkouts(self) -> None:
        bought = self.buy(2, {"token": "tok_success"}, expect=(201, 202))
        self.bought = bought["order"]["id"]
        self.call("checkout_get", bought["id"])
        cart, guest = self.cart(1)
        self.call("checkout_create", body={"cart_id": cart["id"], "payment": {"token": "tok_decline"}}, **guest, expect=(402, 409, 422))
        cart, guest = self.cart(1)
        pay = {"cart_id": cart["id"], "payment": {"token": "tok_3ds", "return_url": "https://shop.example.com/thanks"}}
        waiting = self.call("checkout_create", body=pay, **guest, expect=202)
        self.call("checkout_cancel", waiting["id"], **guest)
        self.call("checkout_cancel", bought["id"], expect=409)

    # --- orders ---------------------------------------------------------------------------------------------------------

    def orders(self) -> None:
        order = self.bought
        self.call("order_list", query=PAGE)
        self.call("order_search", body={"email": "asha@example.com", "limit": 2})
        read = self.call("order_get", order)
        self.change("order_update", read, order, body={"metadata": {"invoice": "BM-2026-0815"}})
        settings = self.call("order_settings_get")
        self.change("order_settings_update", settings, body={"unpaid_hours": 72})
        self.call("order_capture", order, body={"amount": rupees(100_000)})
        self.call("order_capture", order, body={"amount": rupees(100_000_000)}, expect=(409, 422))
        line = read["lines"][0]["id"]
        self.shop.until("order_get", order, field="payment_status", values=("partially_paid",))
        self.call("order_capture", order, body={})
        self.shop.until("order_get", order, field="payment_status", values=("paid",))
        self.call("order_refund", order, body={"lines": [{"line_id": line, "quantity": 1}], "reason": "Arrived scratched"})
        self.call("order_refund", order, body={"amount": rupees(100_000_000)}, expect=(409, 422))
        self.call("order_timeline", order, query=PAGE)
        unpaid = self.buy(1, {"provider": "manual"})["order"]["id"]
        self.call("order_cancel", unpaid, body={"reason": "The buyer changed their mind"})

    def fulfilments(self) -> None:
        order = self.buy(3, {"token": "tok_success"})["order"]
        line = order["lines"][0]["id"]
        self.call("order_capture", order["id"], body={})
        one = {"lines": [{"line_id": line, "quantity": 1}], "location_id": self.bengaluru}
        parcel = self.call("fulfilment_create", order["id"], body=one)
        tracking = {"carrier": "Blue Dart", "number": "BD4711", "url": "https://tracking.example.com/BD4711"}
        self.call("fulfilment_ship", order["id"], parcel["id"], body={"tracking": tracking})
        self.call("fulfilment_cancel", order["id"], parcel["id"], expect=409)
        self.call("fulfilment_deliver", order["id"], parcel["id"])
        parcel = self.call("fulfilment_create", order["id"], body=one)
        self.call("fulfilment_deliver", order["id"], parcel["id"], expect=409)
        self.call("fulfilment_cancel", order["id"], parcel["id"])
        self.call("fulfilment_create", order["id"], body={"lines": [{"line_id": line, "quantity": 99}]}, expect=(409, 422))
        self.call("order_cancel", order["id"], body={"reason": "Too late"}, expect=(200, 409))

    # --- payments -------------------------------------------------------------------------------------------------------

    def payments(self) -> None:
        self.call("payment_list", query=PAGE)
        self.call("payment_journal_list", query=PAGE)
        payment = self.buy(1, {"token": "tok_success"})["payment_id"]
        self.call("payment_get", payment)
        # The order of several operations differs from run to run.
        self.call("payment_operation_list", payment, query=PAGE)
        # Money of an order moves through the order; `payments` may refuse all three.
        self.call("payment_capture", payment, body={"amount": rupees(50_000)}, expect=(201, 409, 422))
        self.call("payment_refund", payment, body={"amount": rupees(100_000_000)}, expect=(409, 422))
        self.call("payment_refund", payment, body={"amount": rupees(10_000)}, expect=(201, 409, 422))
        self.call("payment_void", payment, body={}, expect=(201, 409, 422))
        self.call("payment_journals_of_payment", payment, query=PAGE)
        self.call("payment_confirm", payment, body={"outcome": "authorised"}, expect=(409, 422))
        manual = self.buy(1, {"provider": "manual"})["payment_id"]
        self.call("payment_confirm", manual, body={"outcome": "authorised", "reference": "NEFT 4711"})

    # --- what any operation refuses -------------------------------------------------------------------------------------

    def refusals_of_all(self) -> None:
        """Of each operation that has succeeded: an id that nothing has, and a body with an unknown field."""
        done: dict[str, Exchange] = {}
        for exchange in self.shop.exchanges:
            if exchange.status < 300:
                done.setdefault(exchange.operation, exchange)
        for operation, exchange in done.items():
            _, template, described = self.shop.operations[operation]
            names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
            ids = [exchange.parameters[name] for name in names]
            headers = {"If-Match": '"1"'} if any(p["name"] == "If-Match" for p in described.get("parameters", [])) else {}
            if isinstance(exchange.request, dict):
                wrong = exchange.request | {"colour": "red"}
                self.call(operation, *ids, body=wrong, headers=headers, expect=400)
            if ids:
                unknown = [identity[:-6] + "000000" for identity in ids]
                body = exchange.request if isinstance(exchange.request, dict) else None
                self.call(operation, *unknown, body=body, headers=headers, expect=404)
        self.call("product_list", query={"limit": 101}, expect=400)
        self.call("product_list", key="none", expect=401)
        self.call("location_create", body={"code": "x" * 2_000_000, "name": "Pune"}, expect=413)
        self.call("location_create", text="<code>PNQ-1</code>", headers={"Content-Type": "text/xml"}, expect=415)


if __name__ == "__main__":
    import sys
    from pathlib import Path

    shop = Shop(Path(sys.argv[1]))
    Tour(shop).run()
    missing = sorted(name for name, statuses in shop.answered().items() if not any(status < 300 for status in statuses))
    print(len(shop.exchanges), "exchanges; without success:", missing)
