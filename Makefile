# Two thin doors over meson, and a few more. `make demo` and `make test` do all the set-up.
PREFIX ?= /usr/local

.PHONY: all demo test sim fuzz install clean
all:
	@tools/deps build
	@./dev build

demo: all
	@tools/deps demo
	@tools/demo

test:
	@tools/deps test
	@./dev check

sim: all
	@./dev sim -q -j "$$(nproc)" -m 3 -w 5 1 1000

fuzz:
	@tools/deps test
	@./dev fuzz

install: all
	@meson install -C build --no-rebuild --destdir "$(DESTDIR)" >/dev/null

clean:
	rm -rf build build-asan build-fuzz
