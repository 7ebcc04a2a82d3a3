def call_api(prompt, options, context):
    return {'output': 'answer', 'guardrails': {'flagged': context['vars']['flagged']}}
