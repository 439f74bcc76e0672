# pchan: `make deps demo` shows it at work, `make deps check` tests it.

PREFIX = /usr/local
CC = gcc
CPPFLAGS = -D_GNU_SOURCE -DLIBBSD_OVERLAY -isystem /usr/include/bsd -Ilib -Icmd
CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDFLAGS = -pie -Wl,-z,relro,-z,now
LDLIBS = -lbsd -ljansson -pthread
# What a single tool needs.
LDLIBS_pmetrics = -lmicrohttpd -lz -lncursesw -ltinfo -lm

# SAN=thread or SAN=address builds and tests everything in a folder of its own.
SAN =
ifeq ($(SAN),)
BUILD = build
BIN = bin
else
BUILD = build/$(SAN)
BIN = build/$(SAN)/bin
SANFLAGS_thread = -fsanitize=thread
SANFLAGS_address = -fsanitize=address,undefined -fno-sanitize-recover=undefined
HARDENING = -fPIE $(SANFLAGS_$(SAN)) -fno-omit-frame-pointer
endif

ALL_CFLAGS = -std=c17 $(CFLAGS) $(WARNINGS) $(HARDENING)
TOOLS = $(notdir $(wildcard cmd/*))
LIB_OBJS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/*/*.c))
TESTS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/t_*.c))
BENCHES = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
SHIMS = $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/support/shims/*.c))

all: $(TOOLS:%=$(BIN)/%)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libpchan.a: $(LIB_OBJS)
	rm -f $@ && ar rcs $@ $^

# The page of `pmetrics serve`, as C strings, with the hashes of its policy.
$(BUILD)/page_parts.o: cmd/pmetrics/page/embed $(wildcard cmd/pmetrics/page/page.*)
	@mkdir -p $(@D)
	cmd/pmetrics/page/embed >$(BUILD)/page_parts.c
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $(BUILD)/page_parts.c

$(BUILD)/pmetrics.a: $(BUILD)/page_parts.o

# A tool is its main.o, the other objects of its folder, and the library.
objects = $(patsubst %.c,$(BUILD)/%.o,$(filter-out cmd/$(1)/main.c,$(wildcard cmd/$(1)/*.c)))
.SECONDEXPANSION:
$(TOOLS:%=$(BUILD)/%.a): $(BUILD)/%.a: $$(call objects,$$*)
	rm -f $@ && ar rcs $@ $^

$(TOOLS:%=$(BIN)/%): $(BIN)/%: $(BUILD)/cmd/%/main.o $(BUILD)/%.a $(BUILD)/libpchan.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS_$*) $(LDLIBS)

# A test that includes a header of a tool is linked with the tool.
tests_of = $(patsubst %.c,$(BUILD)/%,$(shell grep -l '"$(1)/' $(wildcard tests/unit/t_*.c)))
$(foreach tool,$(TOOLS),$(eval $(call tests_of,$(tool)): $(BUILD)/$(tool).a))
$(call tests_of,pmetrics): LDLIBS += $(LDLIBS_pmetrics)

$(TESTS) $(BENCHES): %: %.o $(BUILD)/libpchan.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter-out %.o %/libpchan.a,$^) $(BUILD)/libpchan.a $(LDLIBS)

# What tests preload into a tool.
$(SHIMS): $(BUILD)/%.so: %.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -shared -fPIC -o $@ $<

# What building, the demo and the tests need, and what the other targets need in
# addition.
DEPS = gcc make libc6-dev libbsd-dev libjansson-dev libmicrohttpd-dev libcurl4-openssl-dev libncurses-dev zlib1g-dev \
	bats jq python3 procps curl
DEV_DEPS = clang clang-format cppcheck shellcheck mandoc spin golang-go parallel miller pv strace \
	libclang-rt-14-dev tmux time fiu-utils faketime logrotate prometheus prometheus-node-exporter \
	python3-prometheus-client chromium zsh fish bash-completion
install_packages = dpkg -s $(1) >/dev/null 2>&1 || { \
	sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive \
	apt-get install -qy --no-install-recommends $(1); }

deps:
	@$(call install_packages,$(DEPS))

dev-deps: deps npm-deps
	@$(call install_packages,$(DEV_DEPS))

# Debian's npm and another one's can't be there at the same time.
npm-deps: deps build/npm/installed

build/npm/installed: tests/support/npm/package.json tests/support/npm/package-lock.json
	@command -v npm >/dev/null || $(call install_packages,npm)
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

demo: all
	@BIN=$(BIN) tests/demo.sh

# The last line is `N passed, N failed`.
check: all $(TESTS) $(SHIMS)
	@BIN=$(abspath $(BIN)) T=$(abspath $(BUILD))/tests SAN=$(SAN) tests/run.sh $(ONLY)

# N random pipelines from SEED on, and what became of each record.  The last
# line is `N passed, N failed`.
SEED = $(shell date +%s)
N = 40

campaign: all
	@BIN=$(abspath $(BIN)) tests/campaign/campaign $(SEED) $(N)

# N rotations of a log that pfanin follows while eight writers append.
rotations: N = 200
rotations: all
	@BIN=$(abspath $(BIN)) tests/campaign/rotations $(SEED) $(N)

# Pipelines of all five tools, with failures, kill -9 and signals: what their
# metrics say is what is in the files.
counts: N = 100000
counts: all
	@BIN=$(abspath $(BIN)) tests/campaign/counts $(N) $(ONLY)

# A Prometheus and a node_exporter watch a pipeline.  The last line is
# `N passed, N failed`.
prometheus: all
	@BIN=$(abspath $(BIN)) tests/prometheus/run

# N random pipelines, and which part of each pmetrics says holds it up.
verdicts: N = 30
verdicts: all
	@BIN=$(abspath $(BIN)) tests/campaign/verdicts $(SEED) $(N)

# N records to an API that fails, throttles and goes away; each stage is killed.
job: N = 20000
job: all
	@BIN=$(abspath $(BIN)) tests/campaign/job $(SEED) $(N)

# N random pipelines with --state: stages are killed, and the job is run again.
marks: all
	@BIN=$(abspath $(BIN)) tests/campaign/marks $(SEED) $(N)

# pmetrics ship posts N spans, and is killed (-9) ten times meanwhile.  The last
# line is `N passed, N failed`.
ship: N = 20000
ship: all
	@BIN=$(abspath $(BIN)) tests/campaign/ship $(N) $(SEED)

bench: all $(BENCHES)
	@BIN=$(abspath $(BIN)) T=$(abspath $(BUILD))/tests tests/bench/run.sh $(ONLY)

model:
	@tests/model/run

# Each fuzzer runs for FUZZ_TIME seconds, and keeps its corpus in build/fuzz.
FUZZ_TIME = 60
FUZZERS = $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZERS): build/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(wildcard lib/*/*.[ch])
	@mkdir -p $@.corpus
	clang $(CPPFLAGS) -Itests/unit -std=c17 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o $@ $(filter %.c,$^) $(LDLIBS)

fuzz: $(FUZZERS)
	@for fuzzer in $^; do echo $$fuzzer; $$fuzzer -max_total_time=$(FUZZ_TIME) -verbosity=0 \
		-artifact_prefix=$$fuzzer. $$fuzzer.corpus || exit 1; done

lint:
	@tests/lint.sh

# man/doc has what the pages refer to, and goes to share/doc as it is.
DOCS = $(patsubst man/doc/%,%,$(wildcard man/doc/*/*))
DOCDIR = $(PREFIX)/share/doc/pchan

# Where each shell looks for the completions of a tool.
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(TOOLS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	for page in man/*.*; do section=$${page##*.}; \
		install -d $(DESTDIR)$(PREFIX)/share/man/man$$section && \
		install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$$section || exit 1; done
	for file in $(DOCS); do \
		install -D -m 644 man/doc/$$file $(DESTDIR)$(DOCDIR)/$$file || exit 1; done
	install -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	completion() { sed "s/TOOL/$$tool/g" completions/$$1 | install -m 644 /dev/stdin $(DESTDIR)$$2; }; \
	for tool in $(TOOLS); do completion bash $(BASHDIR)/$$tool && \
		completion zsh $(ZSHDIR)/_$$tool && completion fish $(FISHDIR)/$$tool.fish || exit 1; done

uninstall:
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%)
	for page in man/*.*; do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	rm -f $(DOCS:%=$(DESTDIR)$(DOCDIR)/%)
	rm -f $(TOOLS:%=$(DESTDIR)$(BASHDIR)/%) $(TOOLS:%=$(DESTDIR)$(ZSHDIR)/_%) \
		$(TOOLS:%=$(DESTDIR)$(FISHDIR)/%.fish)
	rmdir $(sort $(dir $(DOCS:%=$(DESTDIR)$(DOCDIR)/%))) $(DESTDIR)$(DOCDIR)

clean:
	rm -rf build bin

.PHONY: all deps dev-deps npm-deps demo check campaign counts job marks rotations ship verdicts prometheus bench model fuzz lint install uninstall clean

-include $(shell find build -name '*.d' 2>/dev/null)
