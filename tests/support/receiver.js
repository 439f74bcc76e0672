// A real receiver of OTLP, of Elastic's mockotlpserver, on a free port.
//
//	NODE_PATH=build/npm/node_modules node receiver.js URL_FILE LOG
//
// LOG gets a line for each request, as decoded: `spans N`, or `metrics` and the
// metrics as JSON.  It ends when it is killed, or after two minutes.
'use strict';
const fs = require('fs');
const {MockOtlpServer, normalizeMetrics} = require('@elastic/mockotlpserver');
const [place, log] = process.argv.slice(2);

function countSpans(trace) {
	return trace.resourceSpans.flatMap((r) => r.scopeSpans).flatMap((s) => s.spans).length;
}

const server = new MockOtlpServer({
	logLevel: 'fatal',
	services: ['http'],
	httpHostname: '127.0.0.1',
	httpPort: 0,
	onTrace: (trace) => fs.appendFileSync(log, `spans ${countSpans(trace)}\n`),
	onMetrics: (metrics) =>
		fs.appendFileSync(log, `metrics ${JSON.stringify(normalizeMetrics(metrics))}\n`),
});
server.start().then(() => {
	fs.writeFileSync(`${place}.new`, server.httpUrl.href ?? String(server.httpUrl));
	fs.renameSync(`${place}.new`, place);
});
setTimeout(() => process.exit(1), 120000).unref();
