def get_transform(vars, context):
    return {**vars, 'b': 'py'}
