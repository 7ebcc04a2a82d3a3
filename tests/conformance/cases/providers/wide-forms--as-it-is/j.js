module.exports = class { constructor(o){this.o=o} id(){return 'jid'} async callApi(p,c){return {output:p+' js '+c.vars.a}} };
