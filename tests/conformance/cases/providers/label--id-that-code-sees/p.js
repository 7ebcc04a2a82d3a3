module.exports = class { constructor(o){this.o=o} id(){return 'x'} async callApi(p){return {output:String(this.o.id)}} };
