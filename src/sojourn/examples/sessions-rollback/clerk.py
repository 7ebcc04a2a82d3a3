"""A provider that changes the shop's database for good, as far as it knows."""


def call_api(request, options, context):
    shop = context["sessions"]["shop"]
    before = shop.orders()
    if request.startswith("order"):
        shop.database.execute("INSERT INTO orders VALUES (?)", (request.removeprefix("order "),))
    else:
        shop.database.execute("DELETE FROM orders")
    return {"output": f"found {before} orders, left {shop.orders()}"}
