export default class { id(){return 'mid'} async callApi(p){return {output:{p}}} }
