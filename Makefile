# SPDX-License-Identifier: GPL-2.0-or-later
# Bellwether. `make demo` or `make check` on a fresh Debian 12, as root, do all the rest by themselves.
#
#   make           build/bellwetherd and build/bellwether
#   make check     installs what is missing, builds with sanitizers, runs every test
#   make demo      two members and a client in network namespaces (KEEP=1 leaves it running)
#   make bench     figures, never pass or fail
#   make sim       the simulator: SEEDS=100000 FIRST=1 MEMBERS=3
#   make deps      the Debian packages for all of these
#   make install   DESTDIR= PREFIX=/usr/local
#   make deb       build/bellwether_VERSION_ARCH.deb
#
# V=1 shows the commands. SAN=address,undefined or SAN=thread builds with sanitizers, in a folder of its own.

PREFIX ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
SYSCONFDIR ?= /etc
VERSION := 0.1.0
# The MIB's root; `make OID_ROOT=1.3.6.1.4.1.…` builds with another one (the shipped MIB is rewritten along).
OID_ROOT ?= 1.3.6.1.4.1.8072.9999.9999.8116

CC ?= gcc
CLANG ?= clang
SAN ?=
BUILD ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
comma := ,

ifeq ($(V),)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2);
endif

PKGS := libcurl libmicrohttpd gnutls json-c libconfig libnl-3.0 libnl-route-3.0 libsodium libcap-ng libseccomp libsystemd
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS)) $(shell net-snmp-config --agent-libs)
CPPFLAGS += -Iinclude -I. -D_GNU_SOURCE -DBW_VERSION='"$(VERSION)"' -DBW_OID_ROOT='"$(OID_ROOT)"' \
            -DBW_SYSCONFDIR='"$(SYSCONFDIR)"' $(PKG_CFLAGS)
CFLAGS ?= -O2 -g
HARDEN := -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
ALL_CFLAGS = -std=c17 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror=implicit \
             $(HARDEN) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

# Everything below agent/ and exporters/ is one library; the two programs and the tests link to it.
MAINS := agent/main.c agent/cli/main.c
CLIENT_SRC := $(wildcard agent/client/*.c)
LIB_SRC := $(filter-out $(MAINS) $(CLIENT_SRC),$(wildcard agent/*/*.c exporters/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
LIB := $(BUILD)/libbw.a

# The public client library, libbellwether: no part of the daemon, and it needs libc only.
CLIENT_OBJ := $(CLIENT_SRC:%.c=$(BUILD)/pic/%.o)
CLIENT := $(BUILD)/libbellwether.so.0 $(BUILD)/libbellwether.a

UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
SIM := $(BUILD)/tests/sim
SIM_SRC := $(wildcard tests/sim/*.c)
FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/%,$(wildcard tests/tools/*.c))

.PHONY: all check check-built demo bench sim fuzz install deb clean deps deps-build deps-demo deps-check tests mib lint
all: build-ready
	$(Q)$(MAKE) --no-print-directory programs
programs: $(BUILD)/bellwetherd $(BUILD)/bellwether $(CLIENT)
.PHONY: programs build-ready

# ---- packages -------------------------------------------------------------------------------------------------------
DEPS_BUILD := gcc make libc6-dev pkg-config libsnmp-dev libmicrohttpd-dev libjson-c-dev libconfig-dev libnl-3-dev \
              libnl-route-3-dev libsodium-dev libcap-ng-dev libseccomp-dev libsystemd-dev libcurl4-openssl-dev libgnutls28-dev
DEPS_DEMO := snmp snmpd libsnmp-base iproute2 iputils-ping nftables curl python3-minimal python3 procps
DEPS_CHECK := libcmocka-dev snmptrapd tshark tcpdump nftables iputils-arping jq prometheus smitools clang \
              libclang-rt-14-dev binutils git openssl chromium fonts-dejavu-core python3-prometheus-client \
              python3-jsonschema python3-aiosmtpd conntrack iptables python3-yaml prometheus-alertmanager prometheus-snmp-exporter zsh groff-base keepalived
DEPS_BENCH := wrk nginx-light strace keepalived conntrackd

deps: deps-build deps-demo deps-check
deps-bench: deps-build deps-demo deps-check
	$(Q)conf/install-deps $(DEPS_BENCH)
.PHONY: deps-bench
deps-build:
	$(Q)conf/install-deps $(DEPS_BUILD)
deps-demo:
	$(Q)conf/install-deps $(DEPS_DEMO)
deps-check:
	$(Q)conf/install-deps $(DEPS_CHECK)
build-ready:
	$(Q)command -v pkg-config >/dev/null && pkg-config --exists $(PKGS) && command -v net-snmp-config >/dev/null || \
	    { echo 'Missing libraries: run "make deps" as root first.' >&2; exit 1; }

# ---- programs -------------------------------------------------------------------------------------------------------
$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/bellwetherd: $(BUILD)/obj/agent/main.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lpthread -o $@

$(BUILD)/bellwether: $(BUILD)/obj/agent/cli/main.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lpthread -o $@

$(BUILD)/pic/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -MMD -MP -c $< -o $@

$(BUILD)/libbellwether.so.0: $(CLIENT_OBJ) agent/client/libbellwether.map
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC $(filter-out -pie,$(ALL_LDFLAGS)) -shared -Wl,-soname,$(@F) \
	    -Wl,--version-script=agent/client/libbellwether.map $(CLIENT_OBJ) -o $@

$(BUILD)/libbellwether.a: $(CLIENT_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# ---- tests ----------------------------------------------------------------------------------------------------------
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lcmocka -lpthread -o $@

$(BUILD)/tests/test_client: $(BUILD)/libbellwether.a

$(SIM): $(SIM_SRC:%.c=$(BUILD)/obj/%.o) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ -lsodium -lpthread -o $@

$(TOOLS): $(BUILD)/tests/%: $(BUILD)/obj/tests/tools/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $^ $(PKG_LIBS) -lpthread -o $@

# Fuzzers: clang's libFuzzer with the sources that the harness names in its first line: "fuzz: file.c file.c".
build/fuzz/%: tests/fuzz/%.c $(LIB_SRC)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined $(CPPFLAGS) -std=c17 \
	    $< $$(sed -n '1s/.*fuzz: *\(.*\) \*\/.*/\1/p' $<) -lsodium -lconfig -o $@

# The daemon as later versions would be, for the test of rolling upgrades: "next" speaks a newer protocol and understands this one, "far"
# does not. Few objects say which version it is; given before the library they stand in for those in it.
LATER := $(BUILD)/tests/bellwetherd-next $(BUILD)/tests/bellwetherd-far
LATER_SRC := agent/main.c $(shell grep -l BW_PROTOCOL_ $(LIB_SRC))
$(BUILD)/obj/next/%.o: LATER_FLAGS := -UBW_VERSION -DBW_VERSION='"0.2.0-next"' -DBW_PROTOCOL_VERSION=2 -DBW_PROTOCOL_LEAST=1
$(BUILD)/obj/far/%.o: LATER_FLAGS := -UBW_VERSION -DBW_VERSION='"9.0.0-far"' -DBW_PROTOCOL_VERSION=9 -DBW_PROTOCOL_LEAST=9
define LATER_RULE
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(LATER_FLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
endef
$(BUILD)/obj/next/%.o: %.c
	$(LATER_RULE)
$(BUILD)/obj/far/%.o: %.c
	$(LATER_RULE)
$(BUILD)/tests/bellwetherd-next: $(LATER_SRC:%.c=$(BUILD)/obj/next/%.o)
$(BUILD)/tests/bellwetherd-far: $(LATER_SRC:%.c=$(BUILD)/obj/far/%.o)
$(LATER): $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(filter %.o,$^) $(LIB) $(PKG_LIBS) -lpthread -o $@

tests: $(UNIT) $(SIM) $(TOOLS) $(LATER)
fuzz: $(FUZZ)

sim: build-ready
	$(Q)$(MAKE) --no-print-directory $(SIM)
	$(Q)$(SIM) --seeds $(or $(SEEDS),2000) --first $(or $(FIRST),1) $(if $(MEMBERS),--members $(MEMBERS))

check: deps-build deps-demo deps-check
	$(Q)$(MAKE) --no-print-directory check-built

# What `check` runs once the packages are there.
check-built:
	$(Q)$(MAKE) --no-print-directory programs $(BUILD)/tests/sim fuzz
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined programs tests
	$(Q)tests/run $(TESTS)

demo: deps-build deps-demo
	$(Q)$(MAKE) --no-print-directory programs
	$(Q)conf/demo/demo $(if $(KEEP),--keep)

bench: deps-bench
	$(Q)$(MAKE) --no-print-directory programs $(SIM) $(TOOLS)
	$(Q)tests/bench/run $(BENCH)

# ---- installation ---------------------------------------------------------------------------------------------------
install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(SYSCONFDIR)/bellwether \
	    $(DESTDIR)$(PREFIX)/share/snmp/mibs $(DESTDIR)$(PREFIX)/share/doc/bellwether \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/man/man8 \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 conf/completion/bellwether.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/bellwether
	install -D -m 644 conf/completion/_bellwether $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_bellwether
	for kit in prometheus grafana snmp_exporter zabbix librenms; do \
	    install -d $(DESTDIR)$(PREFIX)/share/bellwether/$$kit && \
	    install -m 644 conf/$$kit/*.* $(DESTDIR)$(PREFIX)/share/bellwether/$$kit/ || exit 1; done
	install -m 755 $(BUILD)/bellwetherd $(DESTDIR)$(SBINDIR)/
	install -m 755 $(BUILD)/bellwether $(DESTDIR)$(BINDIR)/
	for name in cphaprob clpstat clpgrp; do \
	    ln -sf bellwether $(DESTDIR)$(BINDIR)/$$name; \
	    ln -sf bellwether $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name; done
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include/bellwether $(DESTDIR)$(PREFIX)/share/man/man3 \
	    $(DESTDIR)$(PREFIX)/share/doc/bellwether/examples
	install -m 644 $(BUILD)/libbellwether.so.0 $(BUILD)/libbellwether.a $(DESTDIR)$(LIBDIR)/
	ln -sf libbellwether.so.0 $(DESTDIR)$(LIBDIR)/libbellwether.so
	install -m 644 include/bellwether/bellwether.h $(DESTDIR)$(PREFIX)/include/bellwether/
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(PREFIX)/include|; s|@VERSION@|$(VERSION)|' \
	    conf/bellwether.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/bellwether.pc
	install -m 644 conf/examples/* $(DESTDIR)$(PREFIX)/share/doc/bellwether/examples/
	install -m 644 conf/man/*.3 $(DESTDIR)$(PREFIX)/share/man/man3/
	$(if $(DESTDIR),,-ldconfig)
	mibs/set-root $(OID_ROOT) < mibs/BELLWETHER-MIB.txt > $(DESTDIR)$(PREFIX)/share/snmp/mibs/BELLWETHER-MIB.txt
	install -m 644 README.md conf/bellwether.conf conf/snmpd-bellwether.conf $(DESTDIR)$(PREFIX)/share/doc/bellwether/
	install -m 644 conf/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 conf/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 conf/man/*.7 $(DESTDIR)$(PREFIX)/share/man/man7/
	install -m 644 conf/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	sed 's|@SBINDIR@|$(SBINDIR)|; s|@SYSCONFDIR@|$(SYSCONFDIR)|' conf/systemd/bellwetherd.service.in \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/bellwetherd.service

# build/bellwether_VERSION_ARCH.deb
deb: deps-build
	$(Q)$(MAKE) --no-print-directory programs SYSCONFDIR=/etc
	$(Q)rm -rf build/deb-stage
	$(Q)$(MAKE) --no-print-directory install DESTDIR=build/deb-stage PREFIX=/usr SYSCONFDIR=/etc >/dev/null
	$(Q)conf/debian/build-deb build/deb-stage $(VERSION) build

clean:
	rm -rf build

# The page's parts are taken in as they are (.incbin), which the compiler's dependencies don't tell.
$(BUILD)/obj/exporters/http/assets.o: $(wildcard exporters/http/page/*)

# The picture in the README, taken by Chromium from a cluster of fixed values.
.PHONY: screenshot
screenshot: deps-build deps-check
	$(Q)$(MAKE) --no-print-directory $(BUILD)/tests/http_fixture
	$(Q)conf/screenshot/shoot $(BUILD)

-include $(shell find $(BUILD)/obj $(BUILD)/pic -name '*.d' 2>/dev/null)
