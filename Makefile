# weft: two commands do everything on a fresh Debian 12 machine.
#   make demo     install what is needed (asks for root once), build, run the lab
#   make test     the same, then all tests
# The build itself is Meson's; these are only the ways in.

BUILD ?= build
PREFIX ?= /usr/local
MESON_FLAGS ?=

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja: tools/deps
	@tools/deps build
	@test -f $@ || meson setup $(BUILD) --prefix=$(PREFIX) $(MESON_FLAGS)
	@touch $@

demo:
	@tools/deps demo
	@$(MAKE) --no-print-directory all
	@tools/lab

test:
	@tools/deps test
	@tools/run-tests

bench:
	@tools/deps bench
	@bench/run

install: all
	@meson configure $(BUILD) --prefix=$(PREFIX) # the folder may have been set up for another one
	@ninja -C $(BUILD) install

fuzz:
	@tools/deps test
	@tools/fuzz

clean:
	rm -rf $(BUILD) build-*

.PHONY: all demo test bench install fuzz clean
