# A Redis server, whose append-only file is synced before each answer.

# redis_start DIR [LINE...]: starts a server with LINE... in its configuration,
# or the server of DIR again.  Sets REDIS_PORT.
redis_start() {
	local dir=$1

	[ -e "$dir/redis.conf" ] || redis_configure "$@"
	server_run "$dir" redis redis-server "$dir/redis.conf" &&
		server_ready "$dir" redis 20 redis_answers "$dir" &&
		REDIS_PORT=$(<"$dir/redis.port")
}

# redis_start_tls DIR [LINE...]: as redis_start, with TLS only, for clients that
# trust DIR/ca.crt.
redis_start_tls() {
	local dir=$1

	[ -e "$dir/redis.conf" ] || {
		tls_make "$dir"
		redis_configure "$@"
		sed -i 's/^port/tls-port/' "$dir/redis.conf"
		cat >>"$dir/redis.conf" <<-END
			port 0
			tls-cert-file $dir/server.crt
			tls-key-file $dir/server.key
			tls-ca-cert-file $dir/ca.crt
			tls-auth-clients no
		END
	}
	redis_start "$dir"
}

# The later one of two lines for the same thing holds.
redis_configure() {
	local dir=$1

	shift
	mkdir -p "$dir"
	server_port >"$dir/redis.port"
	cat >"$dir/redis.conf" <<-END
		bind ${SERVER_HOST:-127.0.0.1}
		protected-mode no
		port $(<"$dir/redis.port")
		unixsocket $dir/redis.sock
		dir $dir
		appendonly yes
		appendfsync always
		save ""
		$(printf '%s\n' "$@")
	END
}

# redis_cli DIR [ARG...]: redis-cli for this server, with its password.
redis_cli() {
	local password

	password=$(awk '$1 == "requirepass" { print $2 }' "$1/redis.conf")
	env ${password:+REDISCLI_AUTH="$password"} redis-cli -s "$1/redis.sock" "${@:2}"
}

# A server that reads its file still answers LOADING.
redis_answers() {
	[ "$(redis_cli "$1" PING)" = PONG ]
}

redis_stop() {
	server_stop "$1" redis
}

redis_kill() {
	server_kill "$1" redis
}
