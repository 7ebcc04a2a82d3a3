def get_var(name, prompt, vars):
    return {'output': name+'!'}
