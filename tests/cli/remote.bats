#!/usr/bin/env bats
# --shared URL: one rate for all machines.  The helper that knows the server is
# a small script here; tests/engines/rate.bats has the real one.

# shellcheck disable=SC2086,SC2154 # words; background.bash sets $pid
load ../support/helpers
load ../support/streams
load ../support/background

# rate-play://HOST/KEY: the bucket is the file KEY, and KEY.log says what was
# asked for.  While there is a file `away` the server is away.
setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir libexec
	export PCHAN_LIBEXEC=$PWD/libexec
	URL=play://host/bucket
	cat >libexec/rate-play <<-'END'
		#!/usr/bin/perl
		use strict;
		use Fcntl qw(:DEFAULT :flock);
		use Time::HiRes qw(time sleep);
		$| = 1;
		my ($key) = $ARGV[0] =~ m{([^/]+)$};
		my ($rate, $taken);

		sub take {
			my ($n, $changes) = @_;
			sysopen(my $file, $key, O_RDWR | O_CREAT) or die;
			flock($file, LOCK_EX) or die;
			my ($is, $debt, $at) = split /\|/, <$file> // '';
			my $now = time;
			if (!$changes && defined $is && $is ne $rate) {
				$rate = $is;
				print "rate $rate\n";
			}
			my ($amount, $per) = split ' ', $is // $rate;
			$debt = ($debt // 0) - ($now - ($at // $now)) * $amount * 1e9 / $per;
			$debt = ($debt > 0 ? $debt : 0) + $n;
			# In one write, as we may be killed.
			sysseek($file, 0, 0);
			syswrite($file, sprintf("%s|%.17g|%-20f", $rate, $debt, $now));
			print $changes ? "rate $rate\n" : "debt $debt\n";
		}

		while (<STDIN>) {
			open(my $log, '>>', "$key.log") or die;
			syswrite($log, "$$ $_");
			if (/^rate (.*)/) {
				my $changes = defined $rate;
				$rate = $1;
				take(0, 1) if $changes;
				next;
			}
			my ($n) = /^take (\d+)$/ or die "what is $_";
			sleep 0.005 while -e 'away' || $taken > 1 && -e 'away-after-two';
			$taken += $n;
			kill 'KILL', $$ if $n > 0 && unlink 'dies';
			if (-e 'refuses') {
				print STDERR "rate-play: no rights\n";
				exit 2;
			}
			take($n, 0);
		}
	END
	chmod +x libexec/rate-play
}

# The helper of a process.
helper_of() {
	pgrep -P "$1" -f rate-play
}

asked_for() {
	awk '$2 == "take" { n += $3 } END { print n + 0 }' bucket.log
}

@test "remote: pratelimit and pfanout share a bucket" {
	ids 100 >in
	ids 20 >few
	go 0 pratelimit -r 1/d -B 50 --shared $URL --over drop <few
	lines out 20
	[ ! -s err ]
	for mode in '' -x; do
		start pfanout -q -j 4 $mode --rate 1/d,50 --shared $URL -- cat
		cat in >&8
		[ -n "$mode" ] || wait_until at_least out 30
		wait_until is_ready "$pid"
		stop_now
		account 100 out
		[ "$(reasons out)" = "cancelled $((${mode:+30} + 70))" ]
	done
	go 0 pratelimit -r 1/d -B 50 --shared $URL --over drop <in
	[ ! -s out ]
	go 1 pratelimit -q -r 1/d -B 50 --shared $URL --over dead-letter -d dead <in
	lines dead 100
	# Another name is another bucket.
	go 0 pratelimit -r 1/d -B 50 --shared $URL-2 --over drop <in
	lines out 50
}

@test "remote: all name the same rate, and the same burst and unit" {
	ids 3 >in
	go 0 pratelimit -r 1000/s -B 10 --shared $URL <in
	for other in "-r 500/s -B 10" "-r 1000/s -B 11" "-r 1000/s"; do
		go_unread 2 pratelimit $other --shared $URL
		[ "$(cat err)" = "pratelimit: $URL: its bucket is for 1000/s and a burst of 10: use these, or name another key" ]
	done
	go_unread 2 pfanout --rate 999/s,10 --shared $URL -- cat
	go 0 pratelimit --bytes -r 1000/s -B 10 --shared $URL-2 <in
	go 2 pratelimit -r 1000/s -B 10 --shared $URL-2 <in
	has err "its bucket is for 1000/s and a burst of 10 with --bytes: use these"
	go 0 pfanout --rate 1000/s,10 --shared $URL -- cat <in
	account 3 out
}

@test "remote: machines together have the rate, and each has its turn" {
	for way in 'pratelimit -r' 'pratelimit --bytes -r' 'pfanout -q -j 2 --rate' 'pfanout -q -x -j 2 --rate'; do
		command=(-- cat)
		[[ $way == pfanout* ]] || command=()
		begun=${EPOCHREALTIME/[.,]/}
		rm -f bucket
		for i in 1 2 3; do
			yes '{}' | head -n 30 | ${way} 60/s --shared $URL "${command[@]}" >"out.$i" 3>&- &
			pids[i]=$!
		done
		wait "${pids[@]}"
		us=$((${EPOCHREALTIME/[.,]/} - begun))
		lines <(cat out.?) 90
		# 90 records have 89 intervals; they are 270 bytes.
		amount=89
		[[ $way != *bytes* ]] || amount=267
		echo "$way: $us us"
		((us >= amount * 1000000 / 60))
	done
}

@test "remote: no more is asked for than there are records" {
	for i in 1 2 3 4 5; do ids 3 | pratelimit -r 1000/s -B 100 --shared $URL; done >out
	lines out 15
	asked_for
	[ "$(asked_for)" -le 60 ]
	rm bucket bucket.log
	start pratelimit -r 2000/s --shared $URL
	for i in $(seq 100); do
		echo "$i" >&8
		wait_until at_least out "$i"
	done
	asked_for
	[ "$(asked_for)" -le 150 ]
	exec 8>&-
	ends_with 0
}

@test "remote: while the server is away records wait, and none is lost" {
	touch away
	for way in 'pratelimit -r 1000/s --over drop' 'pratelimit -r 1000/s' 'pfanout -j 2 --rate 1000/s' 'pfanout -x -j 2 --rate 1000/s'; do
		rm -f bucket.log
		command=(-- cat)
		[[ $way == pfanout* ]] || command=()
		start $way --shared $URL "${command[@]}"
		ids 2 >&8
		wait_until grep -q 'take 0' bucket.log
		wait_until is_ready "$pid"
		[ ! -s out ]
		rm away
		wait_until at_least out 1
		touch away
		ids 1 >&8
		exec 8>&-
		# It is asked for, and there is no answer.
		rm away
		ends_with 0
		[[ $way == *drop* ]] || lines out 3
		[ ! -s err ]
		touch away
	done
}

@test "remote: a helper that is killed is started again" {
	for way in 'pratelimit -r 200/s' 'pfanout -j 2 --rate 200/s' 'pfanout -x -j 2 --rate 200/s'; do
		command=(-- cat)
		[[ $way == pfanout* ]] || command=()
		start $way --shared $URL "${command[@]}"
		touch dies
		ids 100 >&8
		wait_until at_least out 1
		wait_until [ ! -e dies ]
		wait_until helper_of "$pid" >helper
		kill -KILL "$(cat helper)" || :
		exec 8>&-
		ends_with 0
		account 100 out
		[ "$(cat err)" = "${way%% *}: $URL: its helper was killed by SIGKILL; it is started again" ]
	done
}

@test "remote: a server that refuses ends the run, and loses nothing" {
	for way in 'pratelimit -q -r 1/d' 'pfanout -q -j 3 --rate 1/d' 'pfanout -q -x -j 3 --rate 1/d'; do
		rm -f bucket refuses
		command=(-- cat)
		[[ $way == pfanout* ]] || command=()
		start $way --shared $URL "${command[@]}"
		ids 50 >&8
		wait_until at_least out 1
		touch refuses
		exec 8>&-
		ends_with 2
		account 50 out
		[ "$(reasons out)" = 'cancelled 49' ]
		diff err - <<-END
			rate-play: no rights
			${way%% *}: $URL: its helper has ended with status 2
		END
		# From the beginning.
		ids 50 >in
		timeout 60 $way --shared $URL "${command[@]}" <in >out 2>err && false
		[ ! -s out ]
		lines err 2
	done
}

@test "remote: a change of the rate holds on all machines" {
	change_everywhere $URL
	[ "$(cat other.err)" = 'pratelimit: the rate is 1000/s now' ]
	[[ $(cat bucket) == '1 1000000 1 records|'* ]]
}

@test "remote: a change of the rate while the helper is dead is not lost" {
	echo 1/d >rate
	start pratelimit -q --rate-file rate --shared $URL
	ids 10 >&8
	wait_until at_least out 1
	touch away
	kill -STOP "$(helper_of "$pid")"
	echo 1000/s >rate
	kill -HUP "$pid"
	wait_until is_taken "$pid" HUP
	kill -KILL "$(helper_of "$pid")"
	rm away
	exec 8>&-
	ends_with 0
	account 10 out
	[[ $(cat bucket) == '1 1000000 1 records|'* ]]
}

@test "remote: the end of work does not wait for credit" {
	for server in here away; do
		for way in 'pratelimit -q -r 1/d' 'pfanout -q -j 3 --rate 1/d' 'pfanout -q -x -j 3 --rate 1/d' 'pfanout -q -x --batch 2 -j 3 --rate 1/d'; do
			rm -f bucket away bucket.log
			[ $server = here ] || touch away
			command=(-- cat)
			[[ $way == pfanout* ]] || command=()
			start $way --shared $URL "${command[@]}"
			ids 20 >&8
			if [ $server = here ]; then wait_until at_least out 1; else wait_until is_ready "$pid"; fi
			helper=$(helper_of "$pid")
			stop_now
			account 20 out
			wait_until is_gone "$helper"
		done
	done
}

@test "remote: the reader leaves while there is no credit" {
	touch away
	mkfifo out.fifo
	ids 5 >in
	for way in 'pratelimit -r 1/d' 'pfanout --rate 1/d'; do
		command=(-- cat)
		[[ $way == pfanout* ]] || command=()
		exec 9<>out.fifo
		# The source stays.
		timeout 60 $way --shared $URL "${command[@]}" < <(exec 9>&-; cat in; exec tail -f --pid=$$ /dev/null) >out.fifo 9>&- 3>&- &
		pid=$!
		wait_until pgrep -P "$pid" '^p[rf]' >tool
		wait_until is_ready "$(cat tool)"
		exec 9>&-
		ends_with 141
	done
}

@test "remote: a worker that keeps its answers is flushed while the server is away" {
	touch away-after-two
	start pfanout -q -j 1 --window 4 --rate 1/s,4 --shared $URL -- awk '{ print }'
	ids 3 >&8
	wait_until at_least out 2
	rm away-after-two
	exec 8>&-
	ends_with 0
	account 3 out
}

@test "remote: a URL that is wrong is one line, without a password" {
	ids 1 >in
	while IFS='|' read -r url message; do
		go_unread 2 pratelimit -r 1/s --shared "$url"
		[ "$(cat err)" = "pratelimit: $message" ]
		lacks err sesame
		[ ! -e bucket.log ]
		go 2 pfanout --rate 1/s --shared "$url" -- cat <in
		[ "$(cat err)" = "pfanout: $message" ]
	done <<-END
		play://me:sesame@host/bucket|--shared URL: there is a password in it, which everybody sees in the list of processes: leave it out, and give it as pchan-engines(7) says
		play://host/bucket?password=sesame|--shared URL: there is a password in it, which everybody sees in the list of processes: leave it out, and give it as pchan-engines(7) says
		play://host:99999/bucket|--shared URL: port 99999: a number from 0 to 65535
		play://host/buc%ket|--shared URL: path: %ke is no byte: a % is written as %25
		plan://host/bucket|plan://: there is no helper $PCHAN_LIBEXEC/rate-plan (No such file or directory); there are play://
	END
	go_unread 2 pratelimit -r 1/s --key .id --shared "$URL"
	[ "$(cat err)" = "pratelimit: --shared does not go with --key: it is one bucket" ]
	go_unread 2 pfanout --shared "$URL" -- cat
	rm libexec/rate-play
	go_unread 2 pratelimit -r 1/s --shared redis://host/bucket
	[ "$(cat err)" = "pratelimit: redis://: there is no helper $PCHAN_LIBEXEC/rate-redis (No such file or directory): \`make deps-engines\` gets the libraries with which pchan builds the helpers" ]
}
