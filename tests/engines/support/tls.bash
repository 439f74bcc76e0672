# Certificates for servers on loopback.

# tls_make DIR: makes DIR/ca.crt, and server.crt and server.key, which ca.crt
# vouches for.
tls_make() {
	local new=(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2)

	mkdir -p "$1"
	"${new[@]}" -subj '/CN=pchan tests' -keyout "$1/ca.key" -out "$1/ca.crt" 2>"$1/tls.log" &&
		"${new[@]}" -subj /CN=localhost -CA "$1/ca.crt" -CAkey "$1/ca.key" \
			-addext 'basicConstraints=critical,CA:false' \
			-addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:${SERVER_HOST:-127.0.0.1}" \
			-keyout "$1/server.key" -out "$1/server.crt" 2>>"$1/tls.log" && return
	cat "$1/tls.log" >&2
	return 1
}
