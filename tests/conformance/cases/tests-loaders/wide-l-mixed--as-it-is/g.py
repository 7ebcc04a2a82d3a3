def gen():
    return [{'vars':{'a':'p'}}]
def gen2(config):
    return [{'vars':{'a':'p%d'%i}} for i in range(config['n'])]
