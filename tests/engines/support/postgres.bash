# A PostgreSQL server, with a socket in its folder and a port on loopback.

# Skips the test where PostgreSQL is missing.
needs_postgres() {
	postgres_program postgres >/dev/null || skip "PostgreSQL is not installed: make deps-engines"
}

# Debian keeps the programs of each version apart.  psql in its PATH is a Perl
# script that takes a while to choose one.
postgres_program() {
	local found

	found=$(printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort -V | tail -n 1)
	[ -x "$found" ] || found=$(command -v "$1") || return
	echo "$found"
}

# pg_start DIR [LINE...]: starts a server with LINE... in its configuration, or
# the server of DIR again.  User and database are postgres, without a password.
# Sets PG_PORT, and PG_HOST, the folder of the socket.
pg_start() {
	local dir=$1

	[ -e "$dir/elsewhere" ] || pg_configure "$@" || return
	PG_PORT=$(<"$dir/postgres.port")
	PG_HOST=$(readlink "$dir/elsewhere")
	pg_as_user
	server_run "$dir" postgres "${PG_AS[@]}" "$(postgres_program postgres)" -D "$PG_HOST/data" &&
		server_ready "$dir" postgres 60 pg_sql "$dir" 'select 1'
}

# The server refuses to be root's, and another user can't enter the folder of a
# test of root: the data are elsewhere.
pg_configure() {
	local dir=$1 data

	shift
	mkdir -p "$dir"
	data=$(mktemp -d "${TMPDIR:-/tmp}/pchan-pg.XXXXXX")
	ln -s "$data" "$dir/elsewhere"
	server_port >"$dir/postgres.port"
	[ "$(id -u)" -ne 0 ] || chown "$(pg_user)" "$data"
	pg_as_user
	"${PG_AS[@]}" "$(postgres_program initdb)" -D "$data/data" -U postgres -A trust \
		-E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 || {
		cat "$dir/initdb.log" >&2
		return 1
	}
	# The later one of two lines for the same thing holds.
	cat >>"$data/data/postgresql.conf" <<-END
		listen_addresses = '${SERVER_HOST:-127.0.0.1}'
		port = $(<"$dir/postgres.port")
		unix_socket_directories = '$data'
		$(printf '%s\n' "$@")
	END
}

pg_user() {
	id -un postgres 2>/dev/null || echo nobody
}

# Sets PG_AS, what makes a command one of the user that owns the data.
pg_as_user() {
	PG_AS=()
	[ "$(id -u)" -ne 0 ] || PG_AS=(setpriv --reuid "$(pg_user)" --regid "$(id -g "$(pg_user)")" --clear-groups)
}

# pg_sql DIR STATEMENT [OPTION...]: what psql prints for it, without decoration.
pg_sql() {
	"$(postgres_program psql)" -X -q -At -v ON_ERROR_STOP=1 -h "$(readlink "$1/elsewhere")" -p "$(<"$1/postgres.port")" \
		-U postgres -c "$2" "${@:3}" postgres
}

# Ends the sessions of clients, too.
pg_stop() {
	server_stop "$1" postgres INT
}

pg_kill() {
	server_kill "$1" postgres
}
