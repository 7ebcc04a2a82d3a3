"""Says something over the conversation's own connection."""


async def call_api(prompt, options, context):
    answer = await context["sessions"]["line"].ask({"say": prompt})
    return {"output": answer["answer"]}
