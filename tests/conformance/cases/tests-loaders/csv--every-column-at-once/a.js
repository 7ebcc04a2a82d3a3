module.exports = (o) => o === 'hy';
