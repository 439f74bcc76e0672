#!/usr/bin/env bats
# What the Tab key offers, in each shell.

load ../support/helpers
load ../support/streams

ROOT=$BATS_TEST_DIRNAME/../..

# In a folder with a file and a folder, and with the completions installed in
# $SHARE.
prepare() {
	touch letters.ndjson
	mkdir letters.d
	SHARE=$PWD/root/opt/share
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$ROOT" SAN="${SAN-}" DESTDIR="$PWD/root" PREFIX=/opt install
	cat >setup.bash <<-END
		for tool in pfanin pfanout pratelimit pdeadletter pmetrics; do
			. $SHARE/bash-completion/completions/\$tool
		done
	END
	cat >setup.zsh <<-END
		fpath=($SHARE/zsh/site-functions \$fpath)
		autoload -U compinit
		compinit -u -D
	END
}

# Lines that are typed, and what the Tab key makes of them.
completes() {
	while IFS='|' read -r typed want; do
		got=$(timeout 60 "$BATS_TEST_DIRNAME/../support/tab" "$1" "setup.$1" "$typed")
		echo "$1: '$typed' becomes '$got'"
		[ "$got" = "$want" ]
	done <<-'END'
		pfanout --keep|pfanout --keep-order
		pfanout -j 4 --by ro|pfanout -j 4 --by round-robin
		pfanout --by=ro|pfanout --by=round-robin
		pfanout --dead-letter=letters.n|pfanout --dead-letter=letters.ndjson
		pfanout -k -- mktem|pfanout -k -- mktemp
		pfanout -n a:b cat letters.n|pfanout -n a:b cat letters.ndjson
		pfanin --from|pfanin --from-end
		pratelimit --over dead|pratelimit --over dead-letter
		pdeadletter pur|pdeadletter purge
		pdeadletter show --reason over|pdeadletter show --reason over_rate
		pdeadletter show letters.n|pdeadletter show letters.ndjson
		pmetrics print --format=open|pmetrics print --format=openmetrics
		pmetrics textfile letters.|pmetrics textfile letters.d/
		pmetrics trace letters.n|pmetrics trace letters.ndjson
		pmetrics trace --slow|pmetrics trace --slowest
	END
}

# offers LIST...: the words that the tool offers for a command line, of which
# the last word is typed.
offers() {
	tool=$1
	shift
	timeout 20 "$tool" --complete "$@" | cut -f 1
}

@test "completions: bash" {
	needs python3
	prepare
	completes bash
}

@test "completions: bash with bash-completion, which loads them and completes the command" {
	needs python3
	[ -f /usr/share/bash-completion/bash_completion ] || skip "bash-completion is not installed"
	prepare
	export XDG_DATA_DIRS=$SHARE:/usr/share
	echo '. /usr/share/bash-completion/bash_completion' >setup.bash
	completes bash
	got=$(timeout 60 "$BATS_TEST_DIRNAME/../support/tab" bash setup.bash 'pfanout -k -- make --direc')
	echo "$got"
	[ "$got" = 'pfanout -k -- make --directory=' ]
}

@test "completions: zsh" {
	needs python3
	needs zsh
	prepare
	completes zsh
	timeout 60 "$BATS_TEST_DIRNAME/../support/tab" -l zsh setup.zsh 'pfanout --no-b' >out
	has out '--no-bisect  -- do not halve a batch'
}

@test "completions: fish" {
	needs fish
	prepare
	export XDG_DATA_DIRS=$SHARE:/usr/share HOME=$PWD
	ask() {
		timeout 60 fish --no-config -c "source $SHARE/fish/vendor_completions.d/${1%% *}.fish; complete -C '$1'" >got
		echo "$1:"
		cat got
	}
	ask 'pfanout --keep'
	[ "$(cat got)" = $'--keep-order\twrite the results in the order of the input' ]
	ask 'pfanout --by '
	[ "$(sort got | paste -sd ' ')" = 'copy key ready round-robin' ]
	ask 'pfanout --by=ro'
	[ "$(cat got)" = '--by=round-robin' ]
	ask 'pfanout --dead-letter=letters.n'
	[ "$(cat got)" = '--dead-letter=letters.ndjson' ]
	ask 'pfanout -k -- mktem'
	grep -q '^mktemp' got
	ask 'pfanout -k cat letters.n'
	[ "$(cat got)" = letters.ndjson ]
	ask 'pdeadletter pur'
	[ "$(cat got)" = $'purge\tremove the letters that were replayed' ]
	ask 'pdeadletter show --reason over'
	[ "$(cat got)" = over_rate ]
	ask 'pmetrics textfile letters.'
	[ "$(cut -f 1 got)" = letters.d/ ]
	# Where fish looks by itself.
	timeout 60 fish -c 'complete -C "pfanin --from"' >got
	[ "$(cut -f 1 got)" = --from-end ]
}

@test "completions: each option of --help is offered, with a meaning" {
	for tool in pfanin pfanout pratelimit pdeadletter pmetrics pdeadletter\ {list,stats,show,replay,purge} \
		pmetrics\ {print,serve,textfile,top,trace}; do
		read -r name command <<<"$tool"
		# shellcheck disable=SC2086 # nothing or a word
		timeout 20 $tool --help | grep -E '^ +-' | grep -oE '^ +(-[A-Za-z], )?--[a-z.-]+' | tr -d ' ' | tr , '\n' | sort >want
		# shellcheck disable=SC2086
		timeout 20 "$name" --complete $command - >offered
		cut -f 1 offered | sort >got
		echo "$tool"
		diff want got
		[ "$(grep -cP '^[^\t]+\t..' offered)" -eq "$(wc -l <want)" ]
	done
}

@test "completions: what does not go with what was given is not offered" {
	offers pfanout -F - >got
	grep -qx -e --jobs got
	for option in --keep-order --exec --to; do
		lacks got "$option"
	done
	offers pdeadletter purge - >got
	grep -qx -e --force got
	lacks got --json
	lacks got --wrap
}
