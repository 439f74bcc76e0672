# For tests of marks: streams that have them, and how far they may go.

# Of each test its own.
TO=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

# mark N [TO]: a line.
mark() {
	echo '{"pchan":"mark/1","to":"'"${2:-$TO}"'","n":'"$1"',"w":281474976710656}'
}

# marked N EVERY: a mark, and N records with a mark after each EVERY.
marked() {
	mark 1
	ids "$1" | awk -v every="$2" -v mark="$(mark N)" '
		{ print }
		NR % every == 0 { line = mark; sub(/N/, ++n + 1, line); print line }'
}

# sound IN OUT [DEAD]: no mark in OUT goes before what came before it in IN.
sound() {
	"$STUBS/sound" "$@"
}
