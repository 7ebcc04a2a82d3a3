import json
def call_api(prompt, options, context):
    p = prompt
    if 'YES' in p: return {'output': json.dumps({'pass':True,'score':0.8,'reason':'y'})}
    if 'NOPASS' in p: return {'output': json.dumps({'score':0.3,'reason':'n'})}
    if 'FENCE' in p: return {'output': 'text ```json\n{"pass": false, "score": 0.2, "reason": "f"}\n```'}
    if 'OBJ' in p: return {'output': {'pass':True,'score':1,'reason':'o'}}
    if 'ERR' in p: return {'error':'grader down'}
    if 'JUNK' in p: return {'output':'no json'}
    if 'STR' in p: return {'output': json.dumps({'pass':'true','score':'0.9','reason':'s'})}
    if 'REASON' in p: return {'output': json.dumps({'reason':'s'})}
    return {'output': json.dumps({'pass':False,'score':0,'reason':'no'})}
