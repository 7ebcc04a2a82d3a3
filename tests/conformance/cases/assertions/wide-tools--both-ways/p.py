import json
def call_api(prompt, options, context):
    r = json.loads(context['vars']['r'])
    return r
