module.exports = (ns, ctx) => ({pass: ns.m > 0, score: 0.9, reason: 'js '+ctx.threshold});
module.exports.named = (ns) => ({pass:true,score:0.1,reason:'n'});
module.exports.boom = () => { throw new Error('b') };
