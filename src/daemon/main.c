/* shoald: read the configuration, become a daemon, run, end. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/process.h"
#include "daemon/wire.h"

/* Time to end in; the promise to users is a second. */
#define END_WITHIN_MS 900

struct program {
	int argc;
	char **argv;
	struct config config;
	struct log_sink sink;
};

static int print(void (*write)(struct buf *out))
{
	AUTO_BUF struct buf text = BUF_MAX(1 << 16);

	write(&text);
	(void)fputs(text.data, stdout);
	return 0;
}

static void log_hollow(const struct program *p)
{
	for (size_t i = 0; i < p->config.hollow.count; i++)
		log_warn(&p->sink.log, "daemon", "%s has no meaning here and is ignored",
			 p->config.hollow.items[i]);
}

/* "RELOADING=1" wants the monotonic time, so that the manager can tell this reload from the last.
 */
static void notify_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		       (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify_service_manager(text);
}

static bool reload(void *self)
{
	struct program *p = self;
	AUTO_BUF struct buf changed = BUF_MAX(4096);
	struct err e;
	bool ok;

	notify_reloading();
	ok = config_reload(&p->config, p->argc, p->argv, &changed, &e);
	if (!ok) {
		log_error(&p->sink.log, "daemon", "the configuration stays as it was: %s", e.text);
	} else {
		p->sink.log.level = config_log_level(&p->config);
		log_info(&p->sink.log, "daemon", "configuration read again; changed: %s",
			 changed.len ? changed.data : "nothing");
	}
	notify_service_manager("READY=1");
	return ok;
}

static bool serve(struct program *p, struct err *e)
{
	struct daemon *daemon;

	if (!daemon_open(&p->config, &p->sink.log, (struct reloader){ p, reload }, &daemon, e))
		return false;
	log_info(&p->sink.log, "daemon", "shoald %s runs in %s", SHOAL_VERSION,
		 p->config.data_root);
	daemon_run(daemon);

	notify_service_manager("STOPPING=1");
	process_end_within(END_WITHIN_MS);
	daemon_close(daemon);
	return true;
}

static bool run(struct program *p, struct err *e)
{
	int pid_fd;
	bool ok;

	process_harden();
	log_sink_init(&p->sink, STDERR_FILENO, p->config.log_format[0] == 'j',
		      config_log_level(&p->config));
	log_hollow(p);
	process_set_oom_score(p->config.oom_score_adjust, &p->sink.log);
	if (!pidfile_take(p->config.pidfile, &pid_fd, e))
		return false;
	ok = serve(p, e);
	pidfile_drop(p->config.pidfile, pid_fd);
	return ok;
}

static int fail_with(const struct err *e)
{
	(void)fprintf(stderr, "shoald: %s\n", e->text);
	return 1;
}

int main(int argc, char **argv)
{
	struct program p = { .argc = argc, .argv = argv };
	struct err e;
	int status = 0;

	if (!config_load(&p.config, argc, argv, &e))
		status = fail_with(&e);
	else if (p.config.action == CONFIG_HELP)
		status = print(config_write_help);
	else if (p.config.action == CONFIG_MANUAL)
		status = print(config_write_manual);
	else if (p.config.action == CONFIG_VERSION)
		printf("shoald version %s\n", SHOAL_VERSION);
	else if (p.config.action == CONFIG_VALIDATE)
		printf("configuration OK\n");
	else if (!run(&p, &e))
		status = fail_with(&e);
	config_clear(&p.config);
	return status;
}
