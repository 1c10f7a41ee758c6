# What people do with this repository. `make` alone lists it.

CARGO ?= cargo
# Arguments for the program that a target runs: `make run ARGS="--listen 127.0.0.1:8081"`.
ARGS ?=
# The versions of Cargo.lock, or an error. `make LOCKED= …` lets cargo update the file.
LOCKED ?= --locked
# The store's facts are held on MySQL too where there is one.
FEATURES ?= $(if $(TEST_MYSQL_URL),--features test-mysql)
SOAK = cluster::no_answer_without_the_stale_mark_breaks_a_promise_whatever_fails
NEXTEST_PROFILE ?= $(if $(CI),ci,default)

.DEFAULT_GOAL := help
.NOTPARALLEL: # cargo is parallel itself, and locks its target folder

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Build Marquee and serve real films on localhost:8080; ARGS="…" for more flags
	@exec $(CARGO) run --release $(LOCKED) -- serve $(ARGS)

# `exec`, so that a signal for make reaches the script and not a shell in between. The documentation's
# examples come before the tests, so that the last lines printed are the result.
.PHONY: test
test: ## Run format check, lints and all tests, with a private MariaDB and Redis
	@exec scripts/test-services run $(MAKE) --no-print-directory format-check lint doc-tests tests

# Optimised, and by `cargo test`, which has no deadline for a test. `TEST_SOAK_SECONDS=60 make soak` is a shorter one;
# TEST_SOAK_SEED repeats a run. docs/CHECKER.md says what it does.
.PHONY: soak
soak: ## Check answers of a cluster against the truth for ten minutes, whatever fails; writes target/soak-report.txt
	@TEST_SOAK_SECONDS="$${TEST_SOAK_SECONDS:-600}" TEST_SOAK_REPORT="$${TEST_SOAK_REPORT:-target/soak-report.txt}" \
	  exec scripts/test-services run $(CARGO) test --profile quick $(LOCKED) --test it $(SOAK) -- --exact --nocapture

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
