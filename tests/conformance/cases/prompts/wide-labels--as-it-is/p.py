def call_api(p,o,c):
    return {'output':p+' py'}
