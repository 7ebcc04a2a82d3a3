"""Says something in the chat, and reads what stands there."""


async def call_api(prompt, options, context):
    chat = context["sessions"]["chat"]
    await chat.take([{"fill": {"#message": prompt}}, {"click": "button"}, {"wait": "#said li"}])
    said = await chat.texts("#said li")
    logins = (await chat.texts("#logins"))[0]
    return {"output": f"{' '.join(said)}, after {logins}"}
