# What the bats tests share.

STUBS=$BATS_TEST_DIRNAME/../support/stubs

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# Records {"id":1} to {"id":N}.
ids() {
	seq "$1" | sed 's/.*/{"id":&}/'
}

# Prints n dead letters, of records {"id":N}.
letters() {
	seq "$1" | sed 's/.*/{"pchan":"dead-letter\/1","id":"id-&","stage":"test","reason":"timeout","value":{"id":&}}/'
}

# Waits until a command succeeds, 10 s at most.
wait_until() {
	local n=0

	until "$@"; do
		n=$((n + 1))
		if [ "$n" -gt 1000 ]; then
			echo "never came true: $*"
			return 1
		fi
		sleep 0.01
	done
}

# account N FILE...: the ids 1..N are, each exactly once, among the results and dead letters in FILE...
# Prints "results R dead D missing M twice T" and fails if something is missing or there twice.  Ids named
# in $FILTERED (a jq condition on .id) need not be there.
account() {
	local n=$1

	shift
	cat -- "$@" | jq -c 'if type == "object" and has("pchan") then {dead: true, id: .value.id} else {dead: false, id: .id} end' |
		jq -s --argjson n "$n" '
			(map(.id) | group_by(.) | map(select(length > 1))) as $twice |
			(map(select(.dead)) | length) as $dead |
			([range(1; $n + 1)] - map(.id) | map({id: .} | select(('"${FILTERED:-false}"') | not))) as $missing |
			"results \(length - $dead) dead \($dead) missing \($missing | length) twice \($twice | length)",
			if ($missing | length) + ($twice | length) > 0 then error("\($missing[:5]) \($twice[:5])") else empty end' -r
}

# The number of dead letters in FILE by reason, e.g. "crash 1, timeout 2".
reasons() {
	jq -r 'select(type == "object" and has("pchan")) | .reason' "$@" | sort | uniq -c |
		awk '{ printf "%s%s %d", sep, $2, $1; sep = ", " } END { print "" }'
}

no_sanitizer() {
	[ -z "${SAN-}" ] || skip "not with a sanitizer"
}
