#!/usr/bin/env bats
# A dead-letter file and the files around it: which rotated files belong to it,
# what its cursor knows, and what others may have put beside it.

load ../support/helpers
load ../support/streams

# fail FIRST LAST FILE: the records FIRST to LAST fail, into FILE.
fail() {
	seq "$1" "$2" | timeout 20 pfanout -q -k -d "$3" sed 's/.*/!x/' || [ $? -eq 1 ]
}

# replays FILE RECORD...: a replay of FILE prints these records, in this order.
replays() {
	local file=$1

	shift
	go 0 pdeadletter replay "$file"
	[ "$(tr '\n' ' ' <out)" = "$*${1:+ }" ] || {
		echo "replayed $(tr '\n' ' ' <out)instead of $*"
		return 1
	}
}

# rotates HOW N: what a program does that rotates dead for the Nth time.
rotates() {
	case $1 in
	numbers)
		[ ! -e dead.2 ] || mv dead.2 dead.3
		[ ! -e dead.1 ] || mv dead.1 dead.2
		mv dead dead.1
		;;
	start0)
		[ ! -e dead.1 ] || mv dead.1 dead.2
		[ ! -e dead.0 ] || mv dead.0 dead.1
		mv dead dead.0
		;;
	seconds) mv dead "dead.$((1795446245 + $2))" ;;
	dates) mv dead "dead.2026112$2" ;;
	dateext) mv dead "dead-2026112$2" ;;
	dashes) mv dead "dead-2026-11-2$2" ;;
	esac
}

@test "deadfile: whatever rotates the file, each record is replayed once, and purged only then" {
	for how in numbers start0 seconds dates dateext dashes; do
		rm -f dead*
		fail 1 3 dead
		replays dead 1 2 3
		rotates $how 1
		fail 4 6 dead
		rotates $how 2
		fail 7 9 dead
		go 0 pdeadletter purge dead
		has err '3 of 9 letters removed'
		replays dead 4 5 6 7 8 9
		rotates $how 3
		replays dead
		fail 10 10 dead
		replays dead 10
		go 0 pdeadletter replay --all dead
		[ "$(tr '\n' ' ' <out)" = '4 5 6 7 8 9 10 ' ]
		go 0 pdeadletter purge dead
		has err '7 of 7 letters removed'
		go 0 pdeadletter list --json dead
		lines out 0
	done
}

@test "deadfile: rotated files that were never replayed are, although newer letters were" {
	fail 1 3 dead
	mv dead away
	fail 4 6 dead
	replays dead 4 5 6
	# As from a backup, or unpacked: under any name, and at any time.
	mv away dead-20200101
	replays dead 1 2 3
	go 0 pdeadletter purge dead
	has err '6 of 6 letters removed'
	# Another program made this file, and will remove it.
	[ -e dead-20200101 ] && [ ! -s dead-20200101 ]
}

@test "deadfile: compressed files are left out, and named" {
	fail 1 1 dead
	gzip -c dead >dead.2.gz
	go 0 pdeadletter list --json dead
	lines out 1
	has err 'left out dead.2.gz: compressed: use zcat'
	for name in dead-20261125.gz dead.3.xz dead.0.bz2 dead.1795446245.zst; do
		cp dead.2.gz $name
	done
	go 0 pdeadletter replay dead*
	lines out 1
	lines err 1
	has err 'and 4 more: compressed'
	rm dead
	go 2 pdeadletter list dead
}

@test "deadfile: --keep removes only files that the rotation has numbered" {
	letters 30 >in
	letters 1 >dead
	for name in dead.20261125 dead-20261125 dead.1795446245 dead.7 dead.x dead.0 dead.01; do
		cp dead $name
	done
	mkdir dead.4
	go 1 pdeadletter -q -d dead --max-size 100 --keep 2 <in
	[ "$(echo dead*)" = 'dead dead-20261125 dead.0 dead.01 dead.1 dead.1795446245 dead.2 dead.20261125 dead.4 dead.7 dead.x' ]
	letters 1 | cmp - dead.7
	# A number that is taken is passed over.
	go 1 pdeadletter -q -d dead --max-size 100 --keep 4 <in
	[ -d dead.4 ] && [ -e dead.5 ]
	go 0 pdeadletter list dead
	has err 'left out dead.4: not a regular file'
}

@test "deadfile: another series may be called FILE.1, whichever of them comes first" {
	letters 9 >in
	for first in dead dead.1; do
		rm -f dead*
		fail 1 2 $first
		[ $first = dead ] && fail 3 4 dead.1 || fail 3 4 dead
		one=$(cat dead.1)
		go 0 pdeadletter list dead
		has err 'left out dead.1: a FILE of its own'
		go 0 pdeadletter replay dead
		lines out 2
		go 0 pdeadletter purge dead
		has err '2 of 2 letters removed'
		# Its number is passed over, and --keep counts without it.
		go 1 pdeadletter -q -d dead --max-size 100 --keep 2 <in
		[ "$(echo dead*)" = 'dead dead.1 dead.1.series dead.2 dead.3 dead.cursor' ]
		[ "$(cat dead.1)" = "$one" ]
		# Each of them has its own letters, by a common pattern too.
		go 0 pdeadletter replay dead.1
		lines out 2
		go 0 pdeadletter list --json dead*
		lines out 5
	done
}

@test "deadfile: purge makes no file but its own, and leaves none" {
	needs_strace
	letters 6 >dead
	go 0 pdeadletter replay dead
	letters 8 | tail -n 2 >>dead
	echo mine >dead.new
	echo precious >precious
	ln -s precious dead.1.new
	go 0 pdeadletter purge dead
	letters 8 | tail -n 2 | cmp - dead
	[ "$(cat dead.new precious)" = $'mine\nprecious' ] && [ -L dead.1.new ]
	# One that is killed leaves its file to the next one, which removes it.
	go 0 pdeadletter replay dead
	letters 9 | tail -n 1 >>dead
	timeout 20 strace -qq -f -o trace -e trace=rename -e inject=rename:signal=KILL:when=1 pdeadletter purge dead || true
	[ "$(find . -name 'dead.purge-??????' | wc -l)" -eq 1 ]
	grep -q 'letter' dead.purge-??????
	go 0 pdeadletter list --json dead dead.purge-*
	lines out 3
	go 0 pdeadletter purge dead
	letters 9 | tail -n 1 | cmp - dead
	[ "$(echo dead*)" = 'dead dead.1.new dead.cursor dead.new' ]
	# Nobody else can make it beforehand, or read it.
	letters 3 >>dead
	go 0 pdeadletter replay dead
	go 0 strace -qq -o trace -e trace=openat pdeadletter purge --id id-1 dead
	grep 'dead.purge-' trace | grep -q 'O_EXCL.*0600'
}

@test "deadfile: a new file takes the rights of our own files only, and no set-ID bits" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	umask 0
	letters 2 >in
	mkdir -m 1777 tmp
	made() {
		rm -f tmp/dead
		go 1 pdeadletter -q -d tmp/dead <in
		[ "$(stat -c '%a %u' tmp/dead)" = "$1" ] || {
			stat -c '%a %u' tmp/dead
			return 1
		}
	}
	made '600 0'
	cp /bin/true su
	chmod 4755 su
	ln -s ../su tmp/dead.1
	made '600 0'
	rm tmp/dead.1
	ln su tmp/dead.1
	made '600 0'
	rm tmp/dead.1
	: >tmp/dead.1
	chmod 4775 tmp/dead.1
	made '664 0'
	chown 65534:65534 tmp/dead.1
	chmod 666 tmp/dead.1
	made '600 0'
	# In his own folder he may.
	chown 65534 tmp
	made '666 65534'
	# A rotation passes on what the file had.
	chown 0 tmp
	chmod 755 tmp
	rm tmp/dead*
	letters 1 >tmp/dead
	chown 65534 tmp/dead
	chmod 640 tmp/dead
	go 1 pdeadletter -q -d tmp/dead --max-size 100 <in
	[ "$(stat -c '%a %u' tmp/dead tmp/dead.1 tmp/dead.2 | sort -u)" = '640 65534' ]
}

@test "deadfile: a cursor is believed only if it is a file of ours or of the file's owner" {
	letters 3 >dead
	go 0 pdeadletter replay dead
	letters 4 | tail -n 1 >>dead
	cp dead before
	mv dead.cursor good
	refused() {
		for command in replay 'replay --limit 1' purge; do
			# shellcheck disable=SC2086 # words
			go 2 pdeadletter $command dead
			lines err 1
			has err "pdeadletter: dead.cursor: $1"
			[ ! -s out ]
			cmp before dead
		done
		rm dead.cursor
	}
	ln -s good dead.cursor
	refused 'is a symbolic link: remove it'
	mkfifo dead.cursor
	refused 'is not a regular file with one name: remove it'
	ln good dead.cursor
	refused 'is not a regular file with one name: remove it'
	if [ "$(id -u)" -eq 0 ]; then
		cp good dead.cursor
		chown 65534 dead.cursor
		refused 'belongs to another user and is not believed: remove it, or change its owner'
		cp good dead.cursor
		chown 65534 dead dead.cursor
	else
		cp good dead.cursor
	fi
	go 0 pdeadletter purge dead
	letters 4 | tail -n 1 | cmp - dead
}

@test "deadfile: a file that was copied or edited keeps its cursor" {
	fail 1 3 dead
	mv dead dead.1
	fail 4 6 dead
	replays dead 1 2 3 4 5 6
	fail 7 8 dead
	# A copy of all of it, in files that have other inodes.
	mkdir copy
	cp dead* copy
	replays copy/dead 7 8
	# Edited in place, and by a new file.
	sed -i 1d dead.1
	jq -c 'select(.value != 4)' dead >edited
	mv edited dead
	sed 's/"stage":"sed"/"stage":"sedated"/' dead.1 >edited
	cat edited >dead.1
	go 0 pdeadletter purge dead
	has err '4 of 6 letters removed'
	replays dead 7 8
	# Without the letter itself, nothing is known.
	fail 9 9 dead
	sed -i '2d' dead
	replays dead 7 9
	has err 'dead.cursor: the letter that it names is gone: nothing counts as replayed'
}

@test "deadfile: a copy beside its original is not replayed again" {
	fail 1 3 dead
	replays dead 1 2 3
	cp -p dead dead-20261125
	replays dead
	# A copy of several, with a letter that is new.
	mv dead dead.1
	fail 4 6 dead
	replays dead 4 5 6
	fail 7 7 dead
	cp dead dead-20261126
	go 0 pdeadletter replay dead
	[ "$(sort out | xargs)" = '7 7' ]
	replays dead
	go 0 pdeadletter purge dead
	has err '14 of 14 letters removed'
}

@test "deadfile: in a folder like /tmp, what another user has put there is no FILE" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	mkdir -m 1777 tmp
	: >tmp/dead
	: >target
	ln -s ../target tmp/link
	chown -h 65534 tmp/dead tmp/link
	for file in tmp/dead tmp/link; do
		go 2 pfanout -d "$file" sed 's/.*/!x/' <<<1
		has err "dead-letter file $file: belongs to another user, in a folder that anybody may write to"
	done
	[ ! -s target ]
	chmod 755 tmp
	go 1 pfanout -d tmp/dead sed 's/.*/!x/' <<<1
	lines tmp/dead 1
}

@test "deadfile: replay or purge of a rotated file by its own name leaves it in its series" {
	for command in replay purge; do
		rm -f dead*
		fail 1 2 dead
		mv dead dead.1
		fail 3 4 dead
		go 0 pdeadletter $command dead.1
		go 0 pdeadletter list --json dead
		lines out 4
		[ ! -s err ]
		fail 5 5 dead
		letters 1 >in
		go 1 pdeadletter -q -d dead --max-size 100 --keep 1 <in
		[ "$(echo dead dead.?)" = 'dead dead.1' ]
		go 0 pdeadletter list --json dead
		lines out 4
	done
}

@test "deadfile: a purge of a rotated file waits for who has locked its FILE" {
	fail 1 2 dead
	mv dead dead.1
	fail 3 3 dead
	mkfifo go
	timeout 20 flock dead sh -c ': >locked; read -r x <go' 3>&- &
	wait_until test -e locked
	status=0
	timeout 0.2 pdeadletter purge dead.1 2>err || status=$?
	echo >go
	wait
	[ "$status" -eq 124 ]
	go 0 pdeadletter purge dead.1
}

@test "deadfile: the target of a link to no file is not created" {
	ln -s target dead
	ids 1 >in
	for tool in 'pfanout -d dead' 'pfanout -d dead cat' 'pratelimit -r 1G/s -d dead' 'pdeadletter -d dead'; do
		# shellcheck disable=SC2086 # words
		go 2 $tool <in
		has err 'dead-letter file dead: is a link to a file that does not exist; create that file first'
	done
	letters 1 >dead.1
	go 2 pdeadletter purge dead
	has err 'pdeadletter: dead: is a link to a file that does not exist; create that file first'
	[ ! -e target ]
	touch target
	go 1 pdeadletter -q -d dead <dead.1
	cmp dead.1 target
}

@test "deadfile: a line that is no letter ends a command after what is before it, once" {
	letters 3 >dead
	echo '{"id":"mine"}' >>dead
	letters 5 | tail -n 2 >>dead
	cp dead before
	for command in list stats replay 'show id-2'; do
		# shellcheck disable=SC2086 # words
		go 2 pdeadletter $command dead
		[ "$(cat err)" = 'pdeadletter: dead: line 4 is not a dead letter: is this a dead-letter file? (--skip-foreign goes on)' ]
		[ -s out ]
	done
	# What was replayed before the line was replayed.
	go 2 pdeadletter replay dead
	[ ! -s out ]
	go 2 pdeadletter replay --all dead
	ids 3 | cmp - out
	go 2 pdeadletter purge dead
	cmp before dead
	# The rest is reached with the option, and only then.
	go 0 pdeadletter list --json --skip-foreign dead
	letters 5 | cmp - out
	[ "$(cat err)" = 'pdeadletter: dead: line 4 is not a dead letter: skipped' ]
	go 0 pdeadletter stats --skip-foreign dead
	go 0 pdeadletter show --skip-foreign id-5 dead
	go 0 pdeadletter replay --skip-foreign dead
	ids 5 | tail -n 2 | cmp - out
	go 0 pdeadletter replay --skip-foreign dead
	[ ! -s out ]
	{
		echo mine
		letters 6 | tail -n 1
	} >>dead
	go 0 pdeadletter purge --skip-foreign dead
	has err 'dead: line 4 and 1 more are not dead letters: skipped'
	has err '5 of 6 letters removed'
	{
		sed -n 4p before
		echo mine
		letters 6 | tail -n 1
	} | cmp - dead
	go 0 pdeadletter replay --skip-foreign dead
	[ "$(cat out)" = '{"id":6}' ]
	# A file of nothing else is not removed.
	: >dead
	echo mine >dead.1
	go 0 pdeadletter purge --force --skip-foreign dead
	[ "$(cat dead.1)" = mine ]
}

@test "deadfile: letters whose members were sorted are letters for every tool" {
	{
		printf '{"id":1}\n{"n":\n'
		printf '\377\n'
	} >in
	go 1 pfanout -q -d dead sed 's/.*/!x/' <in
	go 0 pdeadletter replay --wrap dead
	mv out wrapped
	for how in 'jq -cS .' 'python3 -c "import json,sys; [print(json.dumps(json.loads(x),sort_keys=True)) for x in sys.stdin]"'; do
		eval "$how" <dead >sorted
		for tool in 'pfanout -j1 -- sed s/.*/!no/' 'pfanout -j1 -x false' 'pfanout -j1 -F cat' 'pratelimit -r 1G/s' 'pratelimit -r 1G/s --key .id'; do
			# shellcheck disable=SC2086 # words
			go 0 $tool <sorted
			cmp sorted out
		done
		go 1 pdeadletter -q -d collected <sorted
		[ ! -s out ]
		cmp sorted collected
		go 0 pdeadletter replay collected
		LC_ALL=C sort in | cmp - <(LC_ALL=C sed 's/: /:/' out | LC_ALL=C sort)
		rm collected*
		eval "$how" <wrapped >sorted
		go 1 pfanout -q -k -- sed 's/.*/!no/' <sorted
		[ "$(jq -r .replays out | sort -u)" = 1 ]
	done
	# In a file, the members may have any order.
	jq -c '{app: 1} + .' dead >mixed
	go 0 pdeadletter replay mixed
	[ "$(wc -l <out)" -eq 3 ]
}
