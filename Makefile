# Two thin doors over meson, and a few more. `make demo` and `make test` do all the set-up.
PREFIX ?= /usr/local

.PHONY: all demo test sim bench fuzz install uninstall clean
all:
	@tools/deps build
	@./dev build

demo: all
	@tools/deps demo
	@tools/demo

test:
	@tools/deps test
	@tools/rooted ./dev check

sim: all
	@./dev sim -q -j "$$(nproc)" -m 3 -w 5 1 1000

bench: all
	@tools/deps test
	@./dev bench

fuzz:
	@tools/deps test
	@./dev fuzz

# What people and service managers find: programs, units, manual pages, completions.
install: all
	@meson configure build -Dprefix="$(PREFIX)"
	@ninja -C build --quiet
	@meson install -C build --no-rebuild --quiet --destdir "$(DESTDIR)"

uninstall:
	@cd "$(DESTDIR)$(PREFIX)" && rm -f sbin/shoald sbin/shoal-content sbin/shoal-oci bin/shoal bin/shoal-machine \
		lib/systemd/system/shoald.service lib/systemd/system/shoald.socket lib/sysusers.d/shoald.conf \
		share/man/man1/shoal.1 share/man/man1/shoal-*.1 share/man/man8/shoald.8 \
		share/bash-completion/completions/shoal share/zsh/site-functions/_shoal \
		share/fish/vendor_completions.d/shoal.fish

clean:
	rm -rf build build-asan build-fuzz
