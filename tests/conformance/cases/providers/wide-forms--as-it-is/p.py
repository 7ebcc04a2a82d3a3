def call_api(prompt, options, context):
    return {'output': prompt + '|' + str(options.get('config',{}).get('k')) }
def other(p,o,c):
    return {'output':'other'}
class Cls:
    @staticmethod
    def m(p,o,c):
        return {'output':'m'}
