"""Asks the bank for a balance, and tells at the end what the bank has told of itself."""

seen = {}


async def call_api(prompt, options, context):
    login = context["sessions"]["login"]
    bank = context["sessions"].get("bank")
    url = bank.url if bank else login._urls["token"].rsplit("/", 1)[0]
    answer = await login.request("GET", f"{url}/balance")
    if answer.status_code != 200:
        return {"error": f"the bank answers {answer.status_code}"}
    told = answer.json()
    seen.update(calls=seen.get("calls", 0) + 1, logins=max(seen.get("logins", 0), told["logins"]))
    return {"output": told["balance"]}


def afterAll(context, call):
    print(f"{seen['calls']} calls, {seen['logins']} log-ins")
