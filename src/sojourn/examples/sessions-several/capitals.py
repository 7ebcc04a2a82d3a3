"""Three providers; each uses the sessions that its entry in promptfooconfig.yaml names."""


def from_database(country, options, context):
    return {"output": answer(look_up(context["sessions"]["database"], country), "database")}


def from_api(country, options, context):
    return {"output": answer(fetch(context["sessions"]["api"], country), "api")}


def from_anywhere(country, options, context):
    sessions = context["sessions"]
    cache = sessions["cache"]
    if country in cache:
        return {"output": answer(cache[country], "cache")}
    city, source = look_up(sessions["database"], country), "database"
    if city is None:
        city, source = fetch(sessions["api"], country), "api"
    cache[country] = city
    return {"output": answer(city, source)}


def look_up(database, country):
    row = database.execute("SELECT city FROM capitals WHERE country = ?", (country,)).fetchone()
    return row[0] if row else None


def fetch(client, country):
    client.request("GET", f"/capitals/{country}")
    response = client.getresponse()
    body = response.read().decode()
    return body if response.status == 200 else None


def answer(city, source):
    return f"{city}, by {source}"
