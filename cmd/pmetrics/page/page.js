'use strict';
// Shows /api/v1/pipelines, again every two seconds.  Names are data: they get
// into the page as text and as values of attributes, and never as markup.
(() => {
const main = document.getElementById('main');
const live = document.getElementById('live');
const EVERY = 2000;
const WIDTH = 164, HEIGHT = 96, FLAT = 52; // of a box; a flat one is no stage's

// An element; attributes that are null are left out.
const make = (e, attributes, children) => {
	for (const name in attributes)
		if (attributes[name] != null)
			e.setAttribute(name, attributes[name]);
	e.append(...children);
	return e;
};
const html = (name, attributes, ...children) =>
	make(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) =>
	make(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

// 0.4, 412, 1.24k; as rate() in page.c.
function rate(x) {
	if (x == null)
		return '–';
	let unit = '';
	for (const next of 'kMGT') {
		if (x < 999.5)
			break;
		x /= 1000;
		unit = next;
	}
	return x.toFixed(x >= 99.5 ? 0 : unit ? (x < 9.995 ? 2 : 1) : x < 9.95 && x % 1 ? 1 : 0) + unit;
}

// 19.4 ms; as duration() in page.c.
function duration(x) {
	if (x == null)
		return '–';
	for (const [size, unit] of [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's'], [1e-3, 'ms']])
		if (x >= size)
			return (x / size).toFixed(x / size < 99.95 ? 1 : 0) + ' ' + unit;
	return (x * 1e6).toFixed(0) + ' µs';
}


// The text, or as much of it as has room; Asian letters take two places.
function cut(text, room) {
	let out = '';
	for (const c of text) {
		if ((room -= c > '\u2e7f' ? 2 : 1) < 0)
			return out + '…';
		out += c;
	}
	return out;
}

const failed = part => Object.values(part.totals.failed).reduce((a, b) => a + b, 0);
// Records a second through a link: what both ends say, but an end with several
// links says nothing of this one, and what an engine takes is not written.
function flow(link, {parts, links}) {
	const only = end => links.filter(l => l[end] === link[end]).length === 1;
	const rates = [
		only('from') && parts[link.to].kind !== 'engine' ? parts[link.from].rates?.out : null,
		only('to') ? parts[link.to].rates?.in : null,
	].filter(x => x != null);
	return rates.length ? Math.min(...rates) : null;
}

// The column of each part is its distance from the source; a source stands
// before the first that reads from it.
function columns(parts, links) {
	const before = parts.map(() => []), after = parts.map(() => []);
	const column = [], open = new Set();
	for (const l of links) {
		before[l.to].push(l.from);
		after[l.from].push(l.to);
	}
	const find = i => {
		if (column[i] == null && !open.has(i)) { // open: the pipeline is a circle
			open.add(i);
			column[i] = 1 + Math.max(-1, ...before[i].map(find));
		}
		return column[i] ?? -1;
	};
	parts.forEach((_, i) => find(i));
	parts.forEach((_, i) => {
		if (!before[i].length && after[i].length)
			column[i] = Math.max(0, Math.min(...after[i].map(to => column[to])) - 1);
	});
	return column;
}

// Places parts, and the points where long links pass by a column: {column, row}
// of each; what a link passes is in link.via.
function place(parts, links) {
	const column = columns(parts, links);
	const nodes = parts.map((_, i) => ({column: column[i], row: 0, before: []}));
	for (const l of links) {
		let last = nodes[l.from];
		l.via = [last];
		for (let c = last.column + 1; c < column[l.to]; c++) {
			const pass = {column: c, row: 0, before: [last]};
			nodes.push(pass);
			l.via.push(last = pass);
		}
		l.via.push(nodes[l.to]);
		if (last.column < column[l.to])
			nodes[l.to].before.push(last);
	}
	let lowest = 0;
	const mean = list => list.reduce((a, b) => a + b, 0) / list.length;
	for (let c = 0; c <= Math.max(...column); c++) {
		const list = nodes.filter(n => n.column === c);
		for (const n of list)
			n.wish = n.before.length ? mean(n.before.map(b => b.row)) : null;
		list.forEach((n, i) => n.wish ??= i);
		list.sort((a, b) => a.wish - b.wish);
		list.forEach((n, i) => n.row = i ? Math.max(n.wish, list[i - 1].row + 1) : n.wish);
		const shift = list.length ? mean(list.map(n => n.wish - n.row)) : 0;
		for (const n of list)
			lowest = Math.min(lowest, n.row += shift);
	}
	for (const n of nodes)
		n.row -= lowest;
	return nodes;
}

function spark(history) {
	const most = Math.max(...history), step = (WIDTH - 20) / 59;
	const x = i => 10 + (60 - history.length + i) * step;
	const low = HEIGHT - 8, points = history.map((v, i) =>
		`${x(i).toFixed(1)},${(low - 22 * (v ?? 0) / (most || 1)).toFixed(1)}`);
	return svg('polygon', {
		class: 'spark',
		points: [`${x(0).toFixed(1)},${low}`, ...points, `${x(history.length - 1).toFixed(1)},${low}`].join(' '),
	});
}

function box(part, verdict, x, y) {
	const named = verdict.part === part.id, stage = part.kind === 'stage';
	const height = stage ? HEIGHT : FLAT;
	y += (HEIGHT - height) / 2;
	const inner = svg('svg', {x, y, width: WIDTH, height},
		svg('text', {class: 'name', x: 10, y: 22}, cut(part.name, 16)),
		svg('text', {x: 10, y: 40}, cut(part.doing, 24)));
	const g = svg('g', {class: (stage ? 'stage' : 'other') + (named ? ' mark' : '')},
		svg('title', {}, part.name + (part.argv ? '\n' + part.argv : '') + (part.pid ? '\nprocess ' + part.pid : '')),
		svg('rect', {class: 'box', x, y, width: WIDTH, height, rx: 7}), inner);
	if (stage) {
		const dead = failed(part);
		if (!dead || (dead + ' ' + part.held).length < 8)
			inner.append(svg('text', {class: 'small', x: 10, y: 58}, 'held ' + part.held));
		if (dead)
			inner.append(svg('text', {class: 'dead', x: WIDTH - 10, y: 58, 'text-anchor': 'end'}, dead + ' failed'));
		if (part.history.length > 1)
			inner.append(spark(part.history));
	}
	if (named && verdict.mark) {
		const mark = (verdict.mostly ? 'mostly the ' : '') + verdict.mark;
		g.append(svg('rect', {class: 'tag', x: x + 8, y: y - 13, width: 22 + 7 * mark.length, height: 20, rx: 4}),
			svg('text', {class: 'tagged', x: x + 19 + 3.5 * mark.length, y: y + 2}, mark));
	}
	return g;
}

// The link's line, its head, and what is written at it.
function wire(link, pipeline, at, down, gap, most) {
	const {parts, links} = pipeline, r = flow(link, pipeline);
	const thick = 1.5 + (r && most ? 7 * Math.sqrt(r / most) : 0), head = 5 + thick;
	const flat = id => parts[id].kind === 'stage' ? 0 : (HEIGHT - FLAT) / 2;
	let d = '', x, y, spot;
	const split = links.some(l => l !== link && l.from === link.from);
	const joins = links.some(l => l !== link && l.to === link.to);
	link.via.forEach((node, i) => {
		const [nx, ny] = at(node), last = i === link.via.length - 1;
		const [ex, ey] = down ? [nx + WIDTH / 2, ny - (last ? head - flat(link.to) : 0)] : [nx - (last ? head : 0), ny + HEIGHT / 2];
		if (i === 0) {
			[x, y] = down ? [nx + WIDTH / 2, ny + HEIGHT - flat(link.from)] : [nx + WIDTH, ny + HEIGHT / 2];
			d = `M${x} ${y}`;
			return;
		}
		// What several links have in common is at one end; the words are at
		// the other, on the side where this link does not turn.
		if (!spot) {
			const near = split ? [ex, ey] : joins ? [x, y] : [(x + ex) / 2, (y + ey) / 2];
			const turn = (split ? -1 : joins ? 1 : 0) * (down ? ex - x : ey - y);
			spot = down ? [near[0], near[1] + (split ? -24 : joins ? 20 : 0), turn > 0] :
				[near[0] + (split ? -16 : joins ? 20 : 0), near[1], turn < 0];
		}
		const bend = (down ? ey - y : ex - x) / 2;
		d += down ? `C${x} ${y + bend} ${ex} ${ey - bend} ${ex} ${ey}` : `C${x + bend} ${y} ${ex - bend} ${ey} ${ex} ${ey}`;
		[x, y] = [ex, ey];
		if (!last) { // past the boxes of this column
			down ? y += HEIGHT : x += WIDTH;
			d += `L${x} ${y}`;
		}
	});
	const tip = down ? `${x - head},${y} ${x + head},${y} ${x},${y + head}` : `${x},${y - head} ${x},${y + head} ${x + head},${y}`;
	const [lx, ly] = down ? [spot[0] + (spot[2] ? -12 : 12), spot[1]] :
		[spot[0], spot[1] + (spot[2] ? 18 : -8) + (spot[2] ? thick : -thick) / 2];
	const name = down && spot[2] ? 'rates left' : 'rates', words = [];
	if (r != null)
		words.push(svg('text', {class: name, x: lx, y: ly}, rate(r) + '/s'));
	if (link.name && (down || gap > 80) && parts[link.from].kind !== 'file' && parts[link.to].kind !== 'file')
		words.push(svg('text', {class: name, x: lx, y: ly + (down || spot[2] ? 14 : 26 + thick)}, cut(link.name, 12)));
	return svg('g', {}, svg('title', {}, link.name || 'a pipe'),
		svg('path', {class: 'wire', d, 'stroke-width': thick.toFixed(1)}),
		svg('polygon', {class: 'tip', points: tip}), ...words);
}

function graph(pipeline, room) {
	const {parts, links, verdict} = pipeline;
	const nodes = place(parts, links), down = room < 600;
	const last = Math.max(1, ...nodes.map(n => n.column));
	const gap = Math.min(110, Math.max(56, (room - 3 - WIDTH) / last - WIDTH));
	const at = ({column, row}) => down ?
		[1.5 + row * (WIDTH + 20), 15 + column * (HEIGHT + 48)] :
		[1.5 + column * (WIDTH + gap), 15 + row * (HEIGHT + 28)];
	const places = nodes.map(at);
	const width = Math.max(...places.map(p => p[0])) + WIDTH + 3;
	const height = Math.max(...places.map(p => p[1])) + HEIGHT + 3;
	const scale = Math.min(1, Math.max(room / width, 0.8));
	const most = Math.max(0, ...links.map(l => flow(l, pipeline) ?? 0));
	return svg('svg', {
		class: down ? 'down' : null, role: 'img', viewBox: `0 0 ${width} ${height}`,
		width: width * scale, height: height * scale,
		'aria-label': 'graph: ' + parts.map(p => p.name).join(', '),
	},
		...links.map(l => wire(l, pipeline, at, down, gap, most)),
		...parts.map((p, i) => box(p, verdict, ...places[i])));
}

// The same table as table() in page.c.
function row(part, verdict) {
	const named = verdict.part === part.id, stage = part.kind === 'stage';
	const cell = (text, name) => html('td', {class: name}, text);
	const cells = stage ? [
		cell(rate(part.rates.in), 'wide'), cell(rate(part.rates.out)),
		cell(part.workers.busy == null ? '–' : part.workers.busy + '/' + part.workers.all, 'wide'),
		cell(String(part.held)), cell(duration(part.latency.mean), 'wide'),
		cell(duration(part.latency.p99), 'wide'), cell(rate(part.rates.retries), 'wide'),
		cell(String(failed(part)), failed(part) ? 'dead' : null),
	] : [html('td', {colspan: 8})];
	return html('tr', {class: named ? 'named' : null},
		html('td', {title: part.name}, part.name),
		cell(part.doing + (named && verdict.mark ? ': ' + verdict.mark : '')), ...cells);
}

function table(pipeline) {
	const head = (text, name) => html('th', {class: name}, text);
	return html('table', {}, html('thead', {}, html('tr', {},
		head('Part'), head('State'), head('In/s', 'wide'), head('Out/s'), head('Workers', 'wide'),
		head('Held'), head('Mean', 'wide'), head('p99', 'wide'), head('Retries/s', 'wide'), head('Failed'))),
	html('tbody', {}, ...pipeline.parts.filter(p => p.kind !== 'file').map(p => row(p, pipeline.verdict))));
}

function failures(pipeline) {
	return pipeline.parts.filter(p => p.kind === 'stage' && failed(p)).map(p =>
		html('p', {class: 'failures'}, html('span', {class: 'dead'}, 'Failed in ' + p.name + ': '),
			Object.entries(p.totals.failed).filter(f => f[1]).sort((a, b) => b[1] - a[1])
				.map(([reason, n]) => n + ' ' + reason).join(', ')));
}

function section(pipeline, room) {
	const busy = pipeline.cpu_idle == null ? null : 1 - pipeline.cpu_idle;
	const [, first, rest] = pipeline.verdict.text.match(/^(.*?)(?:\.(?: (.*))?)?$/s);
	return html('section', {class: pipeline.verdict.kind},
		html('h2', {}, first), html('p', {}, rest ?? ''),
		html('p', {class: 'sub'}, pipeline.name + ' · up ' + duration(pipeline.up) +
			(busy == null ? '' : ` · CPU ${(100 * busy).toFixed(0)} % of ${pipeline.cpus}`)),
		html('div', {class: 'scroll'}, graph(pipeline, room)),
		html('div', {class: 'scroll'}, table(pipeline)), ...failures(pipeline));
}

function show(view) {
	const room = main.clientWidth - (innerWidth > 640 ? 90 : 45);
	const at = [...document.querySelectorAll('.scroll')].map(e => e.scrollLeft);
	main.replaceChildren(...(view.pipelines.length ? view.pipelines.map(p => section(p, room)) : [
		html('section', {}, html('h2', {}, 'No stage runs'),
			html('p', {}, 'A pipeline of pchan’s tools appears here as soon as it runs.')),
	]));
	document.querySelectorAll('.scroll').forEach((e, i) => e.scrollLeft = at[i] ?? 0);
	document.title = (view.pipelines[0]?.verdict.text ?? 'no stage runs').slice(0, 80) + ' – pchan';
}

let shown = null;
async function poll() {
	const stop = new AbortController(), timer = setTimeout(() => stop.abort(), 5000);
	try {
		const answer = await fetch('/api/v1/pipelines', {cache: 'no-store', signal: stop.signal});
		if (!answer.ok)
			throw new Error(answer.status);
		const view = await answer.json();
		shown = new Date(view.time).toLocaleTimeString([], {hour12: false});
		// A text that is being selected stays.
		if (getSelection().type !== 'Range')
			show(view);
		live.textContent = `live, ${shown}, over the last ${view.window} s`;
		document.body.className = '';
	} catch (e) {
		console.error(e);
		live.textContent = 'The server is gone.' + (shown ? ` This is of ${shown}.` : '');
		document.body.className = 'gone';
	}
	clearTimeout(timer);
	setTimeout(next, EVERY);
}
// Nobody asks for what nobody sees.
const next = () => document.hidden ? document.addEventListener('visibilitychange', next, {once: true}) : poll();
next();
})();
