export default function (c) { return {prompt: 'M ' + c.vars.a, config: {z: 1}} }
