/* shoal-content: what shoald has done with foreign bytes (seam/content.h).
 *
 *     shoal-content --root DIR [--certs-dir DIR] [--uid N] [--idle-ms N] [--fd N]
 *     shoal-content --root DIR ... ask OP [NAME=VALUE | NAME=@FILE]...
 *
 * The first serves requests on a socket, descriptor 3 unless said otherwise. The second is for tests
 * and for looking into things: it starts the first, sends it one request, and prints each event as
 * a block of "name=value" lines on stderr; bytes that go with the request come from stdin or go to
 * stdout. It ends with 0 when the request was done. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "content/ask.h"
#include "content/broker.h"

#define UID_DEFAULT 65533 /* beside nobody: no file belongs to it */

static const struct option options[] = {
	{ "root", required_argument, NULL, 'r' }, { "certs-dir", required_argument, NULL, 'c' },
	{ "uid", required_argument, NULL, 'u' },  { "idle-ms", required_argument, NULL, 'i' },
	{ "fd", required_argument, NULL, 'f' },   { 0 },
};

static int usage(void)
{
	fprintf(stderr,
		"usage: shoal-content --root DIR [--certs-dir DIR] [--uid N] [--idle-ms N] [--fd N]\n"
		"       shoal-content --root DIR ... ask OP [NAME=VALUE | NAME=@FILE]...\n");
	return 2;
}

static int number(const char *text)
{
	uint64_t value;

	return str_to_u64(str_of(text), &value) && value <= INT32_MAX ? (int)value : -1;
}

static int serve(const struct settings *s, int fd, int idle_ms)
{
	struct err e;

	if (broker_run(s, fd, idle_ms, &e))
		return 0;
	fprintf(stderr, "shoal-content: %s\n", e.text);
	return 1;
}

/* Be both ends of the socket. */
static int ask_ourselves(const struct settings *s, int count, char **words)
{
	int pair[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0) {
		perror("shoal-content");
		return 1;
	}
	if (pid == 0) {
		close(pair[0]);
		_exit(serve(s, pair[1], -1));
	}
	close(pair[1]);
	status = ask(pair[0], count, words);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return status;
}

int main(int argc, char **argv)
{
	struct settings s = { .certs_dir = "/etc/docker/certs.d", .uid = UID_DEFAULT };
	int idle_ms = 30000, fd = 3, option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		switch (option) {
		case 'r':
			s.root = optarg;
			break;
		case 'c':
			s.certs_dir = optarg;
			break;
		case 'u':
			s.uid = number(optarg);
			break;
		case 'i':
			idle_ms = number(optarg);
			break;
		case 'f':
			fd = number(optarg);
			break;
		default:
			return usage();
		}
	}
	if (!s.root || s.root[0] != '/' || (int)s.uid <= 0 || fd < 0)
		return usage();
	if (geteuid() != 0) {
		fprintf(stderr, "shoal-content: needs root, to give its workers less\n");
		return 1;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	umask(077);
	sandbox_prepare();
	if (optind < argc && strcmp(argv[optind], "ask") == 0 && argc - optind >= 2)
		return ask_ourselves(&s, argc - optind - 1, argv + optind + 1);
	return optind == argc ? serve(&s, fd, idle_ms) : usage();
}
