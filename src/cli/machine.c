#include "cli/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define PROGRAM "shoal-machine"

static char *beside_us(void)
{
	char own[4096];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	own[n > 0 ? n : 0] = '\0';
	slash = strrchr(own, '/');
	if (!slash)
		return xstrdup("");
	*slash = '\0';
	return xasprintf("%s/" PROGRAM, own);
}

/* Words in front of those given; the array is the caller's. */
static char **command_line(const char *const *front, size_t front_count, const char *const *words,
			   size_t count)
{
	char **argv = xcalloc(front_count + count + 1, sizeof(*argv));

	memcpy(argv, front, front_count * sizeof(*argv));
	memcpy(argv + front_count, words, count * sizeof(*argv));
	return argv;
}

static void become(char **argv)
{
	AUTO_FREE char *beside = beside_us();

	(void)execv(beside, argv);
	if (errno == ENOENT)
		(void)execvp(PROGRAM, argv);
}

bool machine_run(struct cli *c, const struct args *a, struct err *e)
{
	static const char *const front[] = { PROGRAM };
	AUTO_FREE char **argv =
		command_line(front, ARRAY_LEN(front), (const char *const *)a->words, a->word_count);

	become(argv);
	return fail_sys(e, errno, "run " PROGRAM);
}

void machine_complete(struct cli *c, const struct command *cmd, const char *const *words,
		      size_t count, struct buf *out)
{
	static const char *const front[] = { PROGRAM, "__complete", "--" };
	AUTO_FREE char **argv = command_line(front, ARRAY_LEN(front), words, count);
	AUTO_CLOSE int from = -1;
	char piece[4096];
	int ends[2];
	ssize_t n;
	pid_t child;

	if (pipe(ends) < 0)
		return;
	from = ends[0];
	child = fork();
	if (child == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0)
			become(argv);
		_exit(127);
	}
	(void)close(ends[1]);
	while (child > 0 && (n = read(from, piece, sizeof(piece))) > 0)
		if (!buf_append(out, piece, (size_t)n))
			break;
	if (child > 0)
		(void)waitpid(child, NULL, 0);
}
