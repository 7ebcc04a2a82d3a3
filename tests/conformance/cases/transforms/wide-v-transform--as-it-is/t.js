module.exports = (vars, ctx) => ({...vars, b: 'js'});
