# What people do with this repository. `make` alone lists it.

CARGO ?= cargo
# Arguments for the program that a target runs: `make run ARGS="--listen 127.0.0.1:8081"`.
ARGS ?=
# The versions of Cargo.lock, or an error. `make LOCKED= …` lets cargo update the file.
LOCKED ?= --locked
# The store's facts are held on MySQL too where there is one.
FEATURES ?= $(if $(TEST_MYSQL_URL),--features test-mysql)
NEXTEST_PROFILE ?= $(if $(CI),ci,default)

.DEFAULT_GOAL := help
.NOTPARALLEL: # cargo is parallel itself, and locks its target folder

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Build Marquee and serve real films on localhost:8080; ARGS="…" for more flags
	@exec $(CARGO) run --release $(LOCKED) -- serve $(ARGS)

# `exec`, so that a signal for make reaches the script and not a shell in between. The documentation's
# examples come before the tests, so that the last lines printed are the result.
.PHONY: test
test: ## Run format check, lints and all tests, with a private MariaDB and Redis
	@exec scripts/test-services run $(MAKE) --no-print-directory format-check lint doc-tests tests

# Optimised, and by `cargo test`, which has no deadline for a test. `TEST_SOAK_SECONDS=600 make soak` is a shorter one;
# TEST_SOAK_SEED repeats a run. docs/CHECKER.md says what it does.
.PHONY: soak
soak: ## Check answers of a cluster against the truth for an hour, whatever fails, and that nothing leaks
	@exec scripts/test-services run scripts/soak

# Builds the program once more, with the feature, which is why it is apart.
.PHONY: check-otel
check-otel: ## Lint and test the build that sends traces to OpenTelemetry
	$(CARGO) clippy --all-targets --features otel $(LOCKED) -- -D warnings
	@exec scripts/test-services run $(CARGO) test $(LOCKED) --features otel --test it watching::traces

.PHONY: check
check: format-check lint docs dependencies ## Check format, lints, documentation and dependencies; runs no test

.PHONY: check-deploy
check-deploy: ## Check deploy/ and grafana/ with every tool that is here for it; ARGS=--install gets some
	@exec scripts/check-deploy $(ARGS)

.PHONY: tour
tour: ## Compare the README's tour with what a release build answers; needs curl
	$(CARGO) build --release $(LOCKED)
	@exec scripts/readme-tour target/release/marquee

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: bench
bench: ## Run the benchmarks; ARGS="…" picks some
	$(CARGO) bench $(LOCKED) $(ARGS)

# Ratios of CPU time on this machine: 6 minutes and a release build. `make bench-hits ARGS=profile` says where it goes.
.PHONY: bench-hits
bench-hits: ## Measure what a cache hit costs, beside bare hyper, nginx and Varnish
	@exec scripts/bench-hits $(ARGS)

# Five minutes and a release build; SQLite unless DATABASE_URL says otherwise.
.PHONY: bench-overload
bench-overload: ## Ask for three times the misses that the database does; say what gets done, and what becomes of hits
	@exec scripts/bench-overload $(ARGS)

# Each of these writes a section of docs/BENCHMARKS.md, with plots and figures beside it; TRIAL=1 writes to target/trial
# instead. Each says at its beginning what it takes, and goes on where a long run was cut short.
.PHONY: bench-peers
bench-peers: ## Measure Marquee beside bare hyper, nginx, Varnish, HAProxy, and without its cache
	@exec scripts/bench-peers $(ARGS)

.PHONY: bench-15m
bench-15m: ## Ask a cluster 15 million times as users would, and check each answer
	@exec scripts/bench-15m $(ARGS)

.PHONY: bench-scale
bench-scale: ## Measure how imports, starts, lists and searches grow up to 5 million movies; then docs/CAPACITY.md
	@exec scripts/bench-scale $(ARGS)

.PHONY: bench-cores
bench-cores: ## Measure what cores, threads, the allocator and the protocol change for a hit
	@exec scripts/bench-cores $(ARGS)

.PHONY: capacity
capacity: ## Write docs/CAPACITY.md anew from the figures that there are
	@exec scripts/capacity

# Counted by valgrind, so the same on a busy machine as on an idle one.
.PHONY: bench-check
bench-check: ## Compare the instructions of each step of an answer with benches/baseline.json; ARGS=update renews it
	@exec scripts/bench-check $(ARGS)

.PHONY: bench-memory
bench-memory: ## Ask the cache for 10 million keys once each; ARGS="KEYS L1_MIB"; say what it takes and keeps
	$(CARGO) run --release $(LOCKED) --example random_urls -- $(ARGS)

.PHONY: bench-floods
bench-floods: ## Measure what good clients notice of slow ones and of floods of frames; ARGS="ATTACK…"
	@exec scripts/bench-floods $(ARGS)

.PHONY: bench-faults
bench-faults: ## Measure what users notice when parts fail, and what a crowd costs the database; ARGS="PART…"
	@exec scripts/bench-faults $(ARGS)

.PHONY: clean
clean: ## Delete what was built
	$(CARGO) clean

# The steps of the targets above. All of them share one target folder and the dev profile.

.PHONY: format-check
format-check:
	$(CARGO) fmt --all --check

.PHONY: lint
lint:
	$(CARGO) clippy --all-targets $(LOCKED) $(FEATURES) -- -D warnings

.PHONY: docs
docs:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps $(LOCKED)

.PHONY: dependencies
dependencies:
	@if command -v cargo-deny >/dev/null; then \
	  $(CARGO) deny check bans licenses sources; \
	else \
	  echo 'cargo-deny is not installed: licences and sources of the dependencies were not checked'; \
	fi

.PHONY: doc-tests
doc-tests:
	$(CARGO) test --doc $(LOCKED)

# Needs TEST_MARIADB_URL and TEST_REDIS_URL.
.PHONY: tests
tests:
	@if command -v cargo-nextest >/dev/null; then \
	  $(CARGO) nextest run $(LOCKED) $(FEATURES) --profile $(NEXTEST_PROFILE) $(ARGS); \
	else \
	  $(CARGO) test $(LOCKED) $(FEATURES) --lib --bins --tests --examples $(ARGS); \
	fi
