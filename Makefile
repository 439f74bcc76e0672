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

# The programs that know an engine: their client libraries, as pkg-config calls
# them, and the names of the helpers that they are.
ENGINES = kafka redis http postgres
LIBRARY_kafka = rdkafka
LIBRARY_redis = hiredis libssl libcrypto
LIBRARY_http = libmicrohttpd libcurl zlib
LIBRARY_postgres = libpq
HELPERS_kafka = from-kafka to-kafka
HELPERS_redis = from-redis from-rediss to-redis to-rediss rate-redis rate-rediss
HELPERS_http = from-http-server to-http to-https
HELPERS_postgres = to-postgres to-postgresql

# SAN=thread or SAN=address builds and tests everything in a folder of its own.
SAN =
ifeq ($(SAN),)
BUILD = build
BIN = bin
LIBEXEC = libexec/pchan
else
BUILD = build/$(SAN)
BIN = build/$(SAN)/bin
LIBEXEC = build/$(SAN)/libexec/pchan
SANFLAGS_thread = -fsanitize=thread
SANFLAGS_address = -fsanitize=address,undefined -fno-sanitize-recover=undefined
HARDENING = -fPIE $(SANFLAGS_$(SAN)) -fno-omit-frame-pointer
endif

ALL_CFLAGS = -std=c17 $(CFLAGS) $(WARNINGS) $(HARDENING)
TOOLS = $(filter-out $(ENGINES),$(notdir $(wildcard cmd/*)))
LIB_OBJS = $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/*/*.c))
TESTS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/t_*.c))
BENCHES = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
SHIMS = $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/support/shims/*.c))

# An engine whose library is not here is left out, and that is said.
THERE = $(notdir $(wildcard $(ENGINES:%=cmd/%)))
BUILT := $(foreach engine,$(THERE),$(shell pkg-config --exists $(LIBRARY_$(engine)) 2>/dev/null && echo $(engine)))
MISSING = $(filter-out $(BUILT),$(THERE))

# Where the headers of its library are.
$(foreach engine,$(BUILT),$(eval $(BUILD)/cmd/$(engine)/%.o: CPPFLAGS += $(shell pkg-config --cflags $(LIBRARY_$(engine)))))

all: $(TOOLS:%=$(BIN)/%) $(BUILT:%=$(LIBEXEC)/%)
	@$(if $(MISSING),echo "without the engines $(MISSING): make deps-engines gets their libraries",:)

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

$(ENGINES:%=$(BUILD)/%.a): $(BUILD)/%.a: $$(call objects,$$*)
	rm -f $@ && ar rcs $@ $^

# Each helper is a link to the program of its engine.
$(ENGINES:%=$(LIBEXEC)/%): $(LIBEXEC)/%: $(BUILD)/cmd/%/main.o $(BUILD)/%.a $(BUILD)/libpchan.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs $(LIBRARY_$*)) $(LDLIBS)
	@for helper in $(HELPERS_$*); do ln -sf $* $(@D)/$$helper; done

# A test that includes a header of a tool is linked with the tool.
tests_of = $(patsubst %.c,$(BUILD)/%,$(shell grep -l '"$(1)/' $(wildcard tests/unit/t_*.c)))
$(foreach tool,$(TOOLS) $(BUILT),$(eval $(call tests_of,$(tool)): $(BUILD)/$(tool).a))
# Those of an engine that is left out are left out, too.
TESTS := $(filter-out $(foreach engine,$(MISSING),$(call tests_of,$(engine))),$(TESTS))
$(call tests_of,pmetrics): LDLIBS += $(LDLIBS_pmetrics)
$(foreach engine,$(BUILT),$(eval $(call tests_of,$(engine)): LDLIBS += $(shell pkg-config --libs $(LIBRARY_$(engine)))))

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
	libclang-rt-14-dev valgrind tmux time fiu-utils faketime logrotate prometheus prometheus-node-exporter \
	python3-prometheus-client chromium zsh fish bash-completion
# What the engines are built with, the servers they are tested with, and the
# clients these are compared with.
ENGINE_DEPS = librdkafka-dev libhiredis-dev libssl-dev libpq-dev pkg-config redis-server postgresql openjdk-17-jre-headless \
	kcat python3-confluent-kafka python3-redis python3-psycopg2 openssl iproute2
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

# No service is started.
deps-engines: deps engine-packages build/npm-engines/installed

engine-packages: deps
	@tests/engines/install $(ENGINE_DEPS)

build/npm/installed: tests/support/npm/package.json tests/support/npm/package-lock.json
# The jars of Kafka.
build/npm-engines/installed: tests/engines/support/npm/package.json tests/engines/support/npm/package-lock.json

build/npm/installed build/npm-engines/installed:
	@command -v npm >/dev/null || $(call install_packages,npm)
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

demo: all
	@BIN=$(BIN) tests/demo.sh

# The last line is `N passed, N failed`.
check: all $(TESTS) $(SHIMS)
	@BIN=$(abspath $(BIN)) T=$(abspath $(BUILD))/tests SAN=$(SAN) tests/run.sh $(ONLY)

# The engines with real servers, which `make deps-engines` installs.  A file is
# skipped where its server is missing.
ENGINE_TESTS = $(patsubst %,tests/engines/%.bats,$(or $(ONLY),$(notdir $(basename $(wildcard tests/engines/*.bats)))))
check-engines: all
	@BIN=$(abspath $(BIN)) T=$(abspath $(BUILD))/tests SAN=$(SAN) tests/run.sh $(ENGINE_TESTS)

# Records from one engine to another one, while processes and servers are
# killed, stopped and cut off.  A campaign says in a line what became of them.
CAMPAIGNS = "kills kafka kafka 20000 1" "kills redis postgres 20000 1" "kills http http 20000 1" \
	"stops kafka kafka 20000 4" "members redis redis 20000 1" "machines kafka kafka 20000 1" \
	"away kafka redis 60000 12"
engines: all
	@printf '%s $(SEED)\n' $(CAMPAIGNS) | BIN=$(abspath $(BIN)) xargs -P 2 -L 1 tests/engines/campaign

# The same at full size, which takes most of an hour.
FULL_CAMPAIGNS = "memory kafka kafka 1000000 1" "kills kafka kafka 1000000 20" "kills redis redis 200000 8" \
	"kills redis postgres 200000 8" "kills http http 100000 8" "stops kafka kafka 200000 25" \
	"members kafka kafka 100000 8" "members redis redis 100000 8" "machines kafka kafka 100000 1" \
	"away kafka redis 300000 30" "away redis kafka 200000 30"
engines-full: all
	@printf '%s $(SEED)\n' $(FULL_CAMPAIGNS) | BIN=$(abspath $(BIN)) xargs -L 1 tests/engines/campaign

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

# Pipelines with engines beside the servers' own clients.
bench-engines: all
	@BIN=$(abspath $(BIN)) tests/bench/engines.sh $(ONLY)

# What a record costs in instructions, which no machine's load changes.
budget: all $(SHIMS)
	@BIN=$(abspath $(BIN)) T=$(abspath $(BUILD))/tests tests/bench/budget.sh $(ONLY)

# make bench-compare A B: the ratios of two tables that make bench has written.
bench-compare:
	@tests/bench/compare $(filter-out $@,$(MAKECMDGOALS))

model:
	@tests/model/run

# Each fuzzer runs for FUZZ_TIME seconds, and keeps its corpus in build/fuzz.
FUZZ_TIME = 60
FUZZERS = $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZERS): build/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(wildcard lib/*/*.[ch])
	@mkdir -p $@.corpus
	clang $(CPPFLAGS) -Itests/unit -std=c17 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o $@ $(filter %.c,$^) $(LDLIBS) -lz

fuzz: $(FUZZERS)
	@for fuzzer in $^; do echo $$fuzzer; $$fuzzer -max_total_time=$(FUZZ_TIME) -verbosity=0 \
		-artifact_prefix=$$fuzzer. $$fuzzer.corpus || exit 1; done

lint:
	@tests/lint.sh

# man/doc has what the pages refer to, and goes to share/doc as it is.
DOCS = $(patsubst man/doc/%,%,$(wildcard man/doc/*/*))
DOCDIR = $(PREFIX)/share/doc/pchan

# Where the tools look for helpers.
LIBEXECDIR = $(PREFIX)/libexec/pchan

# Where each shell looks for the completions of a tool.
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(TOOLS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	for engine in $(BUILT); do install -D -m 755 $(LIBEXEC)/$$engine $(DESTDIR)$(LIBEXECDIR)/$$engine || exit 1; done
	$(foreach engine,$(BUILT),$(foreach helper,$(HELPERS_$(engine)),ln -sf $(engine) $(DESTDIR)$(LIBEXECDIR)/$(helper) &&)) :
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
	rm -f $(addprefix $(DESTDIR)$(LIBEXECDIR)/,$(ENGINES) $(foreach engine,$(ENGINES),$(HELPERS_$(engine))))
	[ ! -d $(DESTDIR)$(LIBEXECDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(LIBEXECDIR)
	rmdir $(sort $(dir $(DOCS:%=$(DESTDIR)$(DOCDIR)/%))) $(DESTDIR)$(DOCDIR)

clean:
	rm -rf build bin libexec

.PHONY: all deps dev-deps npm-deps deps-engines engine-packages demo check check-engines engines engines-full campaign counts job marks rotations ship verdicts prometheus bench bench-compare bench-engines budget model fuzz lint install uninstall clean

-include $(shell find build -name '*.d' 2>/dev/null)
