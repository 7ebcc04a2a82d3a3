module.exports = async ({vars, provider}) => `P ${vars.a} ${provider.id}`;
module.exports.g = ({vars}) => [{role:'user',content:vars.a}];
