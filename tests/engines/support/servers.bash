# Real servers for tests, as processes on loopback.  A server has a folder DIR
# with its data, its configuration, NAME.log and NAME.pid, so that any shell can
# stop it, kill it and start it again: nothing is kept in variables.
#
# Each server has a keeper, which watches the process that is to outlive the
# server, SERVER_OWNER (the shell that starts it).  When that ends, even by
# kill -9, the keeper kills the server and removes DIR.
#
# SERVER_HOST is the address on which servers listen (127.0.0.1).

SERVER_BASH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/servers.bash

# server_wait SECONDS COMMAND...: waits until COMMAND succeeds.
server_wait() {
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "never came true: $*" >&2
			return 1
		}
		sleep 0.05
	done
}

# server_port: prints a port on which nobody listens.  It is below the ports of
# clients: while a server is down, a client that tries again and again would now
# and then be given the server's port and be connected with itself.
server_port() {
	local host=${SERVER_HOST:-127.0.0.1} port

	while port=$((10000 + SRANDOM % 20000)); do
		timeout 5 bash -c ': >"/dev/tcp/$1/$2"' bash "$host" "$port" 2>/dev/null || break
	done
	echo "$port"
}

# Prints when process PID has started, in ticks since boot.  Fails where there
# is none, or one that has ended.
server_born() {
	local stat

	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	read -ra stat <<<"${stat##*) }"
	[ "${stat[0]}" != Z ] && echo "${stat[19]}"
}

# server_pid DIR NAME: prints the pid of a server that runs, or else fails.  The
# time of its start tells the server from a later process with the same pid.
server_pid() {
	local pid born

	[ -s "$1/$2.pid" ] && read -r pid born <"$1/$2.pid" && [ -n "$born" ] &&
		[ "$(server_born "$pid")" = "$born" ] && echo "$pid"
}

# server_run DIR NAME COMMAND...: starts a server in DIR.  It holds none of the
# descriptors of the test, and a Ctrl-C is not for it.
server_run() {
	local dir=$1 name=$2

	! server_pid "$dir" "$name" >/dev/null || {
		echo "$dir: $name runs already" >&2
		return 1
	}
	mkdir -p "$dir"
	rm -f "$dir/$name.pid"
	(
		cd "$dir" || exit
		setsid bash -c '
			exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
			. "$1"
			server_keep "${@:2}"' bash "$SERVER_BASH" "${SERVER_OWNER:-$$}" "$@" </dev/null >>"$name.log" 2>&1 &
	)
	server_wait 20 test -e "$dir/$name.pid"
}

# server_keep OWNER DIR NAME COMMAND...: runs a server, and takes its status at
# once: PostgreSQL does not start again while its last pid is there.  The folder
# may go first, so that its files are of no use when the owner has ended.
server_keep() {
	local owner=$1 dir=$2 name=$3 elsewhere server nap

	shift 3
	elsewhere=$(readlink "$dir/elsewhere")
	"$@" &
	server=$!
	echo "$server $(server_born "$server")" >"$name.new" && mv "$name.new" "$name.pid"
	while kill -0 "$owner" 2>/dev/null; do
		sleep 1 &
		nap=$!
		wait -n "$server" "$nap"
		[ -e "/proc/$server" ] || {
			kill "$nap"
			return
		}
	done
	# shellcheck disable=SC2046 # numbers
	kill -KILL "$server" $(pgrep -P "$server")
	rm -rf "$dir" ${elsewhere:+"$elsewhere"}
}

# server_ready DIR NAME SECONDS COMMAND...: waits until COMMAND succeeds.  Shows
# the log if the server ends before, or takes longer.
server_ready() {
	local dir=$1 name=$2 end=$((SECONDS + $3))

	shift 3
	until "$@" >/dev/null 2>&1; do
		if ! server_pid "$dir" "$name" >/dev/null || [ "$SECONDS" -ge "$end" ]; then
			echo "$name is not ready; the end of $dir/$name.log:" >&2
			tail -n 20 "$dir/$name.log" >&2
			return 1
		fi
		sleep 0.05
	done
}

# server_gone PID [CHILD...]: whether the server is gone, and its children, of
# which nobody may have taken the status, have ended.
server_gone() {
	local pid

	[ ! -e "/proc/$1" ] || return 1
	for pid; do
		! server_born "$pid" >/dev/null || return 1
	done
}

# server_stop DIR NAME [SIGNAL]: has the server end by itself; it is killed if
# that takes a minute.
server_stop() {
	local pid

	pid=$(server_pid "$1" "$2") || return 0
	kill "-${3:-TERM}" "$pid" || :
	server_wait 60 server_gone "$pid" || {
		server_kill "$1" "$2"
		return 1
	}
}

# server_kill DIR NAME: kill -9, for the server's children, too.
server_kill() {
	local pid children

	pid=$(server_pid "$1" "$2") || return 0
	children=$(pgrep -P "$pid") || :
	# shellcheck disable=SC2086 # numbers
	kill -KILL "$pid" $children 2>/dev/null || :
	# shellcheck disable=SC2086
	server_wait 20 server_gone "$pid" $children
}

# server_end DIR: kills all servers of the folder, and removes it.  For
# teardown: the folder may be gone, and may have never had a server.
server_end() {
	local file

	for file in "$1"/*.pid; do
		server_kill "$1" "$(basename "$file" .pid)"
	done
	# A server that is not root's has its data elsewhere.
	[ ! -L "$1/elsewhere" ] || rm -rf "$(readlink "$1/elsewhere")"
	rm -rf "$1"
}
