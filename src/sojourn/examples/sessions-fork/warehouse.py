"""Two providers that do the same: take what is ordered from the stock. Each has an environment to itself."""


def on_warmed(order, options, context):
    return take(order, context["sessions"]["warmed"])


def on_rebuilt(order, options, context):
    return take(order, context["sessions"]["rebuilt"])


def take(order, environment):
    pieces, thing = order.split()
    thing = thing.rstrip("s") + "s"
    database = environment.database
    (there,) = database.execute("SELECT pieces FROM stock WHERE thing = ?", (thing,)).fetchone()
    database.execute("UPDATE stock SET pieces = pieces - ? WHERE thing = ?", (int(pieces), thing))
    return {"output": f"took {order} of {there}"}
