import json
def call_api(p,o,c):
    return {'output': json.dumps({'verdict':'no' if 'bad' in p else 'yes','reason':'r'})}
