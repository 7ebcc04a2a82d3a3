def call_api(p,o,c):
    return {'output':'1. a [Attributed]\n2. b [Not Attributed]\ns1\nFinal verdict for each statement in order: Yes. No.'}
