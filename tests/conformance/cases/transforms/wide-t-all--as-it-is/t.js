module.exports = (o,c) => o + ' js';
module.exports.up = (o) => o.toUpperCase();
