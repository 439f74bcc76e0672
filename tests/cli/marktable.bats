#!/usr/bin/env bats
# Marks: each tool, and all that can become of a record.

load ../support/helpers
load ../support/marks

# A worker of map mode (map), of -x (once) or a filter (lines).  It drops,
# fails, tries again or is slow with some ids, as $1 says; what it drops is
# noted.
worker() {
	cat >worker <<-'END'
		how=$1 mode=$2
		while IFS= read -r r; do
			id=${r#*:} id=${id%\}}
			case $how:$id in
			drop:*[147])
				echo "$id" >>dropped
				[ "$mode" != map ] || echo
				;;
			fail:*[147])
				[ "$mode" = map ] || exit 1
				echo '!no'
				;;
			retry:*[147])
				if [ -e "tried.$id" ]; then
					rm "tried.$id"
					echo "$r"
				else
					: >"tried.$id"
					[ "$mode" = map ] || exit 1
					echo '?later'
				fi
				;;
			slow:0)
				read -t 0.3 _ <>silence
				echo "$r"
				;;
			*) echo "$r" ;;
			esac
			[ "$mode" != once ] || exit 0
		done
	END
	[ -p silence ] || mkfifo silence
}

# due COMMAND LINE: no mark is early, and none is late by more than 100 ms.  A
# busy machine makes a mark late, so one of six tries is enough.
due() {
	local late try

	for try in {1..6}; do
		rm -f dropped dead tried.*
		late=$(timeout 60 "$STUBS/mark-due" "$TO" dropped dead -- bash -c "$1") || {
			echo "$1: $late"
			return 1
		}
		[ "$late" -gt 100 ] || return 0
	done
	echo "$1: the latest of try $try was due for $late ms"
	return 1
}

# What stands for an invalid record: its id can still be found.
INVALID="sed -u 's/\"id\":\\(.*[147]\\)}/\"id\":\\1/'"

@test "marktable: pfanin, pratelimit and pdeadletter" {
	for tool in pfanin 'pfanin --concat -' 'pfanin --merge .id -' 'pratelimit -r 100000/s' 'pratelimit -r 100/s -b 1' \
		'pratelimit -r 100/s --key .id' 'pdeadletter -d dead' pmetrics; do
		due "exec $tool"
	done
	due 'exec pratelimit -r 10/m -b 5 --over drop'
	due 'exec pratelimit -r 10/m -b 5 --over dead-letter'
	due 'exec pratelimit -r 10/m -b 5 --over dead-letter -d dead'
}

@test "marktable: records that are invalid" {
	for tool in pfanin 'pratelimit -r 100000/s' 'pdeadletter -v' 'pfanout -j 3' 'pfanout -k -j 3' 'pfanout -j 3 -- cat' \
		'pfanout -F -- cat' 'pfanout -x -- cat'; do
		due "$INVALID | exec $tool"
		[ "$tool" = pfanin ] || due "$INVALID | exec ${tool/ / -d dead }"
	done
}

@test "marktable: pfanout in map mode" {
	worker
	for order in '' -k '-k --window 4' '--key .id'; do
		for how in drop fail retry slow; do
			due "exec pfanout -j 3 $order -a 3 --backoff 20ms -- bash worker $how map"
		done
		due "exec pfanout -j 3 $order -d dead -- bash worker fail map"
	done
}

@test "marktable: pfanout -x" {
	worker
	for order in '' -k; do
		for how in drop retry slow; do
			due "exec pfanout -j 3 $order -a 2 --backoff 20ms -x -- bash worker $how once"
		done
		due "exec pfanout -j 3 $order -x -- bash worker fail once"
		due "exec pfanout -j 3 $order -d dead -x -- bash worker fail once"
		due "exec pfanout -j 3 $order -x --batch 3,20ms -- cat"
	done
}

@test "marktable: pfanout -F and --to" {
	worker
	mkfifo one
	for how in plain drop slow; do
		due "exec pfanout -F -j 2 -- bash worker $how lines"
	done
	for by in ready round-robin copy 'key --key .id'; do
		due "cat one & $INVALID | exec pfanout --to one --by $by -d dead >/dev/null"
	done
}
