# For tests that run workers: every record is accounted for.  Needs
# streams.bash.

# Writes to ./sums, for each line of ./out, the id of its record and the reason
# of its dead letter, or "-" for a result.
sum_up() {
	jq -r 'if type == "object" and has("pchan") then "\(.value.id) \(.reason)" else "\(.id) -" end' out >sums
}

# The ids in dead letters, in the order of numbers; after sum_up.
dead() {
	awk '$2 != "-" { print $1 }' sums | sort -n | xargs
}

# settled N DEAD [ID...]: ./out has each of the ids 1 to N once, DEAD of them in
# dead letters, but not the ids named, which were dropped.  If -k is the last of
# "${way[@]}", they are in order.
settled() {
	sum_up
	awk -v n="$1" -v dead="$2" -v dropped="${*:3}" '
		BEGIN { for (i = split(dropped, ids, " "); i > 0; i--) seen[ids[i]]++ }
		seen[$1]++ { print "twice, or although dropped: " $1; bad = 1 }
		$1 < 1 || $1 > n { print "never sent: " $1; bad = 1 }
		$2 != "-" { letters++ }
		END {
			for (i = 1; i <= n; i++)
				if (!(i in seen)) { print "missing: " i; bad = 1 }
			if (letters != dead) { print letters + 0 " dead letters instead of " dead; bad = 1 }
			exit bad
		}' sums
	if [ "${way[*]: -1}" = -k ]; then
		sort -nc sums
	fi
}

# total NAME: the number of this name in the last line of -v.
total() {
	sed -n "s/.*: received.*\b$1 \([0-9]*\).*/\1/p; t; s/.*: $1 \([0-9]*\), processed.*/\1/p" err
}

# received = processed + filtered + failed + unwritten, and each failed record
# has its dead letter in ./out; for runs with -v.
accounted() {
	local name line received processed filtered failed unwritten

	line=$(grep ': received [0-9]*, processed ' err)
	for name in received processed filtered failed unwritten; do
		[[ $line =~ \ $name\ ([0-9]+) ]] && declare "$name=${BASH_REMATCH[1]}"
	done
	echo "received $received processed $processed filtered $filtered failed $failed unwritten $unwritten"
	[ "$received" -eq $((processed + filtered + failed + unwritten)) ]
	[ "$failed" -eq "$(grep -c '^{"pchan":"dead-letter/1"' out)" ]
}

# The same, and ./out has as many lines as were written.
balanced() {
	accounted
	lines out "$(total written)"
}

# each_way COMMAND...: runs the command once for each of -j 1 and -j 4, with and
# without -k, with these options in "${way[@]}".
each_way() {
	one_way "-j 1" "$@"
	one_way "-j 4" "$@"
	one_way "-j 1 -k" "$@"
	one_way "-j 4 -k" "$@"
}

# one_and_many COMMAND...: the same for two of these ways, where a run is slow.
one_and_many() {
	one_way "-j 1" "$@"
	one_way "-j 4 -k" "$@"
}

one_way() {
	echo "# $1"
	read -ra way <<<"$1"
	"${@:2}"
}
