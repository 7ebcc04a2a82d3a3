const http = require('http');
function post(body) { return new Promise((ok, no) => { const r = http.request({host: '127.0.0.1', port: 43187, path: '/v1/traces', method: 'POST', headers: {'content-type': 'application/json'}}, (res) => { res.resume(); res.on('end', ok); }); r.on('error', no); r.end(JSON.stringify(body)); }); }
const attr = (o) => Object.entries(o).map(([key, v]) => ({ key, value: typeof v === 'number' ? { intValue: String(v) } : typeof v === 'boolean' ? { boolValue: v } : { stringValue: v } }));
module.exports = class { id() { return 'p'; } async callApi(prompt, context) {
  const [, traceId, parent] = context.traceparent.split('-'); const t0 = BigInt(Date.now()) * 1000000n;
  const span = (n, name, at, ms, attrs, status) => ({ traceId, spanId: n.toString(16).padStart(16, '0'), parentSpanId: parent, name, kind: 1, startTimeUnixNano: String(t0 + BigInt(at) * 1000000n), endTimeUnixNano: String(t0 + BigInt(at + ms) * 1000000n), attributes: attr(attrs), status: status || {} });
  await post({ resourceSpans: [{ resource: { attributes: attr({ 'service.name': 'x' }) }, scopeSpans: [{ scope: { name: 's' }, spans: [
    span(1, 'llm.call', 0, 10, { model: 'm' }), span(2, 'tool.search', 11, 20, { 'tool.name': 'search_docs', 'tool.arguments': '{"q":"hi","limit":5}' }),
    span(3, 'tool.compose', 40, 100, { 'gen_ai.tool.name': 'compose' }), span(4, 'exec ls -la', 150, 5, {}), span(5, 'web search', 160, 5, { query: 'cats' }),
    span(6, 'reasoning', 170, 5, {}), span(7, 'http.get', 180, 5, { 'http.status_code': 500 }, { code: 2, message: 'bad' }) ] }] }] });
  return { output: prompt }; } };
