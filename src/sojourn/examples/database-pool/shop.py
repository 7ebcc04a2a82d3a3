"""Sells what the prompt names."""


async def call_api(prompt, options, context):
    shop = context["sessions"]["shop"]
    sold = await shop.fetch(
        "UPDATE goods SET stock = stock - 1 WHERE name = %s RETURNING name, price, stock", (prompt,)
    )
    if not sold:
        return {"error": f"there is no {prompt}"}
    name, price, stock = sold[0]["name"], sold[0]["price"], sold[0]["stock"]
    await shop.execute("INSERT INTO sale (name, price) VALUES (%s, %s)", (name, price))
    return {"output": f"sold {name} for {price}, {stock} left"}
