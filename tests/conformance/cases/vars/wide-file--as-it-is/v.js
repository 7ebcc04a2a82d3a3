module.exports = (n,p,v,pr) => ({output: n+'?'});
