def call_api(prompt, options, context):
    v = context['vars'].get('ans') if context and context.get('vars') else None
    return {'output': v or 'none'}
