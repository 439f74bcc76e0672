# For tests of pmetrics serve.

# serve [OPTION...]: starts a server; its pid is in $server, the URL of its
# first address in $url.
serve() {
	rm -f err # that of an earlier server has the same line
	pmetrics serve --web.listen-address 127.0.0.1:0 "$@" 2>err 3>&- 8>&- &
	server=$!
	wait_until grep -q listening err
	url=$(sed -n '1s|.*listening on \(http://[^/]*\)/.*|\1|p' err)
	port=${url##*:}
}

# ask STATUS [CURL OPTION...] PATH: the answer must have this status; its body
# is in ./body, its headers in ./head.
ask() {
	local got

	got=$(curl -sS -m 20 -o body -D head -w '%{http_code}' "${@:2:$#-2}" "$url${*: -1}")
	[ "$got" = "$1" ] || {
		echo "status $got instead of $1: ${*:2}"
		return 1
	}
}

# ends STATUS: the server must end with it.
ends() {
	local status=0

	wait "$server" || status=$?
	server=
	[ "$status" -eq "$1" ]
}
