#!/usr/bin/env node
// Makes a topic as kafka.admin.TopicCommand does, which is a JVM that takes a
// second: the topic's settings and replicas are written into ZooKeeper, where
// the controller of the brokers sees them.
//
//	topic.js ZOOKEEPER BROKERS NAME PARTITIONS REPLICAS [KEY=VALUE...]
//
// BROKERS is how many there are.
'use strict';
const zookeeper = require('../../../build/npm-engines/node_modules/node-zookeeper-client');

const [server, brokers, name, partitions, replicas, ...settings] = process.argv.slice(2);

function range(n) {
	return [...Array(Number(n)).keys()];
}

const config = Object.fromEntries(settings.map((line) => line.split(/=(.*)/s)));
const assignment = Object.fromEntries(range(partitions).map(
	(p) => [p, range(replicas).map((r) => (p + r) % brokers)]));
// The settings come first: the brokers read them when they see the topic.
const nodes = [
	['/config/topics/' + name, { version: 1, config }],
	['/brokers/topics/' + name, { version: 1, partitions: assignment }],
];

const client = zookeeper.createClient(server);

function create() {
	if (nodes.length === 0) {
		client.close();
		return;
	}
	const [path, data] = nodes.shift();
	client.create(path, Buffer.from(JSON.stringify(data)), (error) => {
		if (error) {
			console.error(`topic ${name}: ${error}`);
			process.exit(1);
		}
		create();
	});
}

client.once('connected', create);
client.connect();
