module.exports = (o) => o.length === 3;
