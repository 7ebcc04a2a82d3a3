def get_score(ns, ctx):
    return {'pass': ns.get('n',0)>0, 'score': 0.8, 'reason':'py'}
def named(ns, ctx):
    return {'pass': False, 'score': 0.2, 'reason':'pn'}
