#!/usr/bin/env bats
# make install and make uninstall.

load ../support/helpers

ROOT=$BATS_TEST_DIRNAME/../..

# The make that runs the tests must not tell this one what to do.
make_here() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$ROOT" SAN="${SAN-}" DESTDIR="$PWD/root" PREFIX=/opt "$@"
}

# The folders of cmd/ that are tools: those of engines go to libexec.
tools() {
	local folder
	for folder in "$ROOT"/cmd/*; do
		case ${folder##*/} in
		kafka | redis | http | postgres) ;;
		*) echo "${folder##*/}" ;;
		esac
	done
}

# Where make has put the helpers, beside the programs of the tools.
helpers=${BIN:-$ROOT/bin}/../libexec/pchan

@test "install: programs, pages, examples and completions are installed, and removed again" {
	make_here install
	for tool in $(tools); do
		echo "bin/$tool 755"
	done >want
	# shellcheck disable=SC2129 # clearer so
	for page in "$ROOT"/man/*.[1-9]; do
		echo "share/man/man${page##*.}/${page##*/} 644"
	done >>want
	for tool in $(tools); do
		printf 'share/%s 644\n' "bash-completion/completions/$tool" "zsh/site-functions/_$tool" \
			"fish/vendor_completions.d/$tool.fish"
	done >>want
	(cd "$ROOT/man/doc" && find . -type f -printf 'share/doc/pchan/%P 644\n') >>want
	(cd "$helpers" && find . -type f -printf 'libexec/pchan/%P 755\n') >>want
	(cd root/opt && find . -type f -printf '%P %m\n') >got
	diff <(sort want) <(sort got)
	[ "$(wc -l <got)" -gt 15 ]
	# Each helper is a link to the program of its engine.
	diff <(cd "$helpers" && find . -type l -printf '%P %l\n' | sort) \
		<(cd root/opt/libexec/pchan && find . -type l -printf '%P %l\n' | sort)
	for name in prometheus/{pchan.rules.yml,scrape.yml,pchan-grafana.json} systemd/{pmetrics,access}.service; do
		cmp "$ROOT/man/doc/$name" "root/opt/share/doc/pchan/$name"
	done
	root/opt/bin/pfanout --version

	make_here uninstall
	[ -z "$(find root ! -type d)" ]
	[ ! -e root/opt/libexec/pchan ]
	[ ! -e root/opt/share/doc/pchan ]
}
