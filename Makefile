# What there is to do; `make help` lists it. Everything a target needs is installed by scripts/dependencies.

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
# Becomes root for what only root may do.
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo -E,)

# The shipped binary is compiled as Embedded Swift: no runtime for types that are made at run time, so none of it is linked,
# relocated or paged in (docs/performance.md has the figures). The same sources are ordinary Swift everywhere else: in tests and
# for programs that use the library products. These flags stand here and not in Package.swift because SwiftPM refuses packages
# with unsafe flags as dependencies. The ordering file puts functions that run at start side by side; scripts/startup-order makes
# it. The C library is musl: before main, glibc asks the processor about itself, which in a virtual machine takes longer than
# everything that follows.
MUSL ?= /usr/lib/$(shell uname -m)-linux-musl
MUSL_HEADERS ?= /usr/include/$(shell uname -m)-linux-musl
EMBEDDED = $(dir $(shell readlink -f $(shell command -v $(SWIFT))))../lib/swift/embedded/$(shell uname -m)-unknown-linux-gnu
RELEASE_FLAGS = \
  -Xswiftc -enable-experimental-feature -Xswiftc Embedded -Xswiftc -wmo \
  -Xswiftc -Xfrontend -Xswiftc -function-sections -Xcc -ffunction-sections \
  -Xcc -isystem -Xcc $(MUSL_HEADERS) \
  -Xswiftc -use-ld=lld -Xswiftc -Xclang-linker -Xswiftc -static -Xswiftc -Xclang-linker -Xswiftc -no-pie \
  -Xswiftc -Xclang-linker -Xswiftc -nostdlib -Xswiftc -L$(MUSL) \
  -Xlinker --gc-sections -Xlinker --icf=all -Xlinker $(EMBEDDED)/libswiftUnicodeDataTables.a \
  -Xlinker -lseccomp -Xlinker -lyajl_s -Xlinker -lgcc \
  -Xlinker $(MUSL)/crt1.o -Xlinker $(MUSL)/crti.o -Xlinker $(MUSL)/libc.a -Xlinker $(MUSL)/crtn.o \
  -Xlinker --symbol-ordering-file=scripts/startup.order -Xlinker --no-warn-symbol-ordering

BUILD := .build-release
# What make install installs.
PROGRAM ?= bin/apus
LINKED := $(BUILD)/release/apus
VERSION := $(shell cat VERSION)
COMMIT := $(shell git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null || echo unknown)

.DEFAULT_GOAL := build
.PHONY: build run test test-unit test-integration test-guest lint format bench conformance conformance-oci hostile engines install clean help

build: ## build bin/apus: static, stripped, with version and commit
	@scripts/dependencies build
	@[ $(LINKED) -nt scripts/startup.order ] || rm -f $(LINKED)
	$(SWIFT) build -c release --product apus --scratch-path $(BUILD) $(RELEASE_FLAGS)
	@mkdir -p bin
	@# Stamping the finished binary instead of compiling the commit in: a commit costs no rebuild. See Sources/CVersion.
	@printf '%s\0%s' '$(VERSION)' '$(COMMIT)' > $(BUILD)/stamp && truncate -s 128 $(BUILD)/stamp
	@objcopy --strip-all --update-section .apus_build=$(BUILD)/stamp $(LINKED) bin/.apus.new
	@mv -f bin/.apus.new bin/apus

run: build ## run the example container spec-examples/hello
	@scripts/dependencies test
	@spec-examples/make-rootfs hello
	$(SUDO) bin/apus run -b spec-examples/hello hello-$$$$

test: build ## all tests; ends with how many passed, failed and were skipped
	@scripts/dependencies build test
	scripts/test

test-unit: ## tests that need neither root nor bin/apus
	@scripts/dependencies build
	scripts/test --skip IntegrationTests

test-integration: build ## tests that drive bin/apus as root
	@scripts/dependencies build test
	scripts/test --filter IntegrationTests

test-guest: build ## tests in guests: pure cgroup v2, v1 and hybrid under systemd, rootless (LAYOUTS= CASES= GUEST_RELEASE=)
	Tests/Guest/run $(LAYOUTS)

lint: build ## check format, imports, banned calls and the built binary
	@scripts/dependencies lint
	scripts/lint

format: ## format the Swift sources in place
	$(SWIFT) format -i -r Package.swift Sources Tests

bench: build ## measure against crun and runc (ROUNDS= TESTS= BUNDLES= PEERS="name=path …")
	@scripts/dependencies bench
	$(SUDO) python3 benchmarks/bench.py

conformance: $(if $(RUNTIME),,build) ## every sentence of the specification, tried on one runtime (RUNTIME=/usr/bin/runc)
	@scripts/dependencies test
	$(SUDO) conformance/spec/run

hostile: $(if $(RUNTIME),,build) ## attacks on a runtime, one for each published hole (RUNTIME=/usr/sbin/runc)
	@scripts/dependencies lint test
	$(SUDO) conformance/hostile/run

engines: $(if $(RUNTIME),,build) ## podman, Docker, containerd and buildah on a runtime, in namespaces of their own (RUNTIME=/usr/bin/crun RELEASE=trixie)
	@$(if $(RELEASE),,scripts/dependencies engines test)
	$(SUDO) conformance/engines/$(if $(RELEASE),release,all)

conformance-oci: build ## the OCI's own validation suite against apus, crun and runc (RUNTIME= PEERS= JOBS=)
	@scripts/dependencies oci bench
	$(SUDO) conformance/oci/run

install: ## copy program, manual page and completions to $(DESTDIR)$(PREFIX) (run make build before)
	@test -x $(PROGRAM) || { echo "install: no $(PROGRAM); run: make build" >&2; exit 1; }
	@rm -rf $(BUILD)/share && scripts/manual $(PROGRAM) $(BUILD)/share
	install -D -m 0755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/apus
	install -D -m 0644 $(BUILD)/share/man/man8/apus.8 $(DESTDIR)$(PREFIX)/share/man/man8/apus.8
	install -D -m 0644 $(BUILD)/share/bash-completion/completions/apus $(DESTDIR)$(PREFIX)/share/bash-completion/completions/apus
	install -D -m 0644 $(BUILD)/share/zsh/site-functions/_apus $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_apus
	install -D -m 0644 $(BUILD)/share/fish/vendor_completions.d/apus.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/apus.fish

clean: ## remove what was built, the examples' root file systems and the measurements
	rm -rf .build $(BUILD) bin benchmarks/out conformance/out spec-examples/*/rootfs spec-examples/*/*/rootfs

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
