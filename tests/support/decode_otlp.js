// Decodes lines of OTLP/JSON from standard input with OpenTelemetry's own
// generated code, and says where what is left differs from the line: a member
// that is misspelled, or of another type, gets lost.
//
//	NODE_PATH=build/npm/node_modules node decode_otlp.js <spans.jsonl
//
// Prints how many spans it has decoded.  Status 1: something was lost.
'use strict';
const root = require('@opentelemetry/otlp-transformer/build/src/generated/root');
const Request = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
const IDS = new Set(['traceId', 'spanId', 'parentSpanId']);

// Hexadecimal ids become bytes, as the JSON form of OTLP has them.
function withBytes(value, key) {
	if (IDS.has(key))
		return Buffer.from(value, 'hex');
	if (Array.isArray(value))
		return value.map((one) => withBytes(one));
	if (value !== null && typeof value === 'object')
		return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withBytes(v, k)]));
	return value;
}

function withHex(value, key) {
	if (IDS.has(key))
		return Buffer.from(value).toString('hex');
	if (Array.isArray(value))
		return value.map((one) => withHex(one));
	if (value !== null && typeof value === 'object')
		return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withHex(v, k)]));
	return value;
}

// The paths at which two values differ.
function differences(a, b, path) {
	if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object')
		return a === b ? [] : [`${path}: ${JSON.stringify(a)} became ${JSON.stringify(b)}`];
	return [...new Set([...Object.keys(a), ...Object.keys(b)])]
		.flatMap((key) => differences(a[key], b[key], `${path}.${key}`));
}

function decode(line) {
	const request = Request.fromObject(withBytes(JSON.parse(line)));
	const bytes = Request.encode(request).finish();
	return withHex(Request.toObject(Request.decode(bytes), { longs: String }));
}

let spans = 0, lost = 0;
for (const line of require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
	const decoded = decode(line);
	for (const difference of differences(JSON.parse(line), decoded, '')) {
		console.error(difference);
		lost++;
	}
	for (const resource of decoded.resourceSpans)
		for (const scope of resource.scopeSpans)
			spans += scope.spans.length;
}
console.log(spans);
process.exit(lost > 0 ? 1 : 0);
