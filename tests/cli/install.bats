#!/usr/bin/env bats
# make install and make uninstall.

load ../support/helpers

ROOT=$BATS_TEST_DIRNAME/../..

# The make that runs the tests must not tell this one what to do.
make_here() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$ROOT" SAN="${SAN-}" DESTDIR="$PWD/root" PREFIX=/opt "$@"
}

@test "install: programs, pages, examples and completions are installed, and removed again" {
	make_here install
	for tool in "$ROOT"/cmd/*; do
		echo "bin/${tool##*/} 755"
	done >want
	# shellcheck disable=SC2129 # clearer so
	for page in "$ROOT"/man/*.[1-9]; do
		echo "share/man/man${page##*.}/${page##*/} 644"
	done >>want
	for tool in "$ROOT"/cmd/*; do
		tool=${tool##*/}
		printf 'share/%s 644\n' "bash-completion/completions/$tool" "zsh/site-functions/_$tool" \
			"fish/vendor_completions.d/$tool.fish"
	done >>want
	(cd "$ROOT/man/doc" && find . -type f -printf 'share/doc/pchan/%P 644\n') >>want
	(cd root/opt && find . -type f -printf '%P %m\n') >got
	diff <(sort want) <(sort got)
	[ "$(wc -l <got)" -gt 15 ]
	for name in prometheus/{pchan.rules.yml,scrape.yml,pchan-grafana.json} systemd/{pmetrics,access}.service; do
		cmp "$ROOT/man/doc/$name" "root/opt/share/doc/pchan/$name"
	done
	root/opt/bin/pfanout --version

	make_here uninstall
	[ -z "$(find root -type f)" ]
	[ ! -e root/opt/share/doc/pchan ]
}
