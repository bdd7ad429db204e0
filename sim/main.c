/* shoal-sim: run seeds, print one line each, stop at the first that fails and tell how to see it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "sim/run.h"

static void usage(FILE *to)
{
	fprintf(to,
		"usage: shoal-sim [OPTIONS] [SEED [COUNT]]\n\n"
		"Runs ten simulated minutes of a cluster for each seed: eight of chaos, two of "
		"calm.\n\n"
		"  -m, --managers N   this many managers (drawn from the seed: 1 to 7)\n"
		"  -w, --workers N    this many workers (default 0)\n"
		"  -p, --promote      begin with one manager; others are made and unmade\n"
		"  -j, --jobs N       so many processes, each with its share of the seeds (1 to 64)\n"
		"  -r, --replay       run every seed twice and compare the traces\n"
		"  -v, --verbose      print every node's log\n"
		"  -q, --quiet        print the summary and failures only\n"
		"  -h, --help         this text\n");
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_result(uint64_t seed, const struct run_result *r)
{
	printf("seed %" PRIu64 ": %s, trace %016" PRIx64 ", %" PRIu64
	       " events, %zu acknowledged, %zu unknown, %zu reads, "
	       "%zu logs and %zu in part\n",
	       seed, r->is_good ? "ok" : "FAILED", r->trace, r->events, r->acknowledged, r->unknown,
	       r->reads, r->logs_complete, r->logs_incomplete);
}

#define JOBS_MAX 64

/* What is to be run; a share begins at its own number and takes every `jobs`th seed. */
struct plan {
	struct run_options run;
	uint64_t seed, count, jobs;
	bool replays, is_quiet;
};

/* Shared by the processes: each writes to its own. */
struct tally {
	uint64_t passed, failed;
};

static struct run_result run_checked(uint64_t seed, const struct plan *p)
{
	struct run_result r = run_seed(seed, &p->run), again;

	if (!r.is_good || !p->replays)
		return r;
	again = run_seed(seed, &p->run);
	if (again.trace != r.trace) {
		r.is_good = false;
		snprintf(r.failure, sizeof(r.failure), "does not replay: trace %016" PRIx64,
			 again.trace);
	}
	return r;
}

static void print_failure(uint64_t seed, const struct run_result *r, const struct run_options *o)
{
	printf("seed %" PRIu64 ": %s\nsee it: shoal-sim -v", seed, r->failure);
	if (o->managers)
		printf(" -m %zu", o->managers);
	if (o->workers)
		printf(" -w %zu", o->workers);
	if (o->is_grown)
		printf(" -p");
	printf(" %" PRIu64 "\n", seed);
}

/* Up to the first that fails. */
static void run_share(const struct plan *p, uint64_t share, struct tally *t)
{
	for (uint64_t i = share; i < p->count && t->failed == 0; i += p->jobs) {
		struct run_result r = run_checked(p->seed + i, p);

		if (!p->is_quiet || !r.is_good)
			print_result(p->seed + i, &r);
		if (!r.is_good)
			print_failure(p->seed + i, &r, &p->run);
		*(r.is_good ? &t->passed : &t->failed) += 1;
		fflush(stdout);
	}
}

/* A share whose process died counts as one failure. */
static struct tally run_all(const struct plan *p)
{
	struct tally all = { 0 }, *shares;
	pid_t children[JOBS_MAX];

	if (p->jobs == 1) {
		run_share(p, 0, &all);
		return all;
	}
	shares = mmap(NULL, JOBS_MAX * sizeof(*shares), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shares == MAP_FAILED) {
		perror("shoal-sim: mmap");
		exit(2);
	}
	for (uint64_t i = 0; i < p->jobs; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			run_share(p, i, &shares[i]);
			_exit(0);
		}
	}
	for (uint64_t i = 0; i < p->jobs; i++) {
		int status = 0;
		bool is_well = children[i] > 0 && waitpid(children[i], &status, 0) == children[i] &&
			       WIFEXITED(status);

		if (!is_well)
			printf("share %" PRIu64 " of %" PRIu64 " died\n", i + 1, p->jobs);
		all.passed += shares[i].passed;
		all.failed += shares[i].failed + !is_well;
	}
	munmap(shares, JOBS_MAX * sizeof(*shares));
	return all;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "managers", required_argument, NULL, 'm' },
		{ "workers", required_argument, NULL, 'w' },
		{ "promote", no_argument, NULL, 'p' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "replay", no_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct plan plan = { .seed = 1, .count = 1, .jobs = 1 };
	struct tally all;
	uint64_t number;
	double began = seconds_now();

	for (int c; (c = getopt_long(argc, argv, "m:w:j:prvqh", options, NULL)) != -1;) {
		switch (c) {
		case 'm':
		case 'w':
			if (!str_to_u64(str_of(optarg), &number) || number > 100) {
				fprintf(stderr, "shoal-sim: not a number up to 100: %s\n", optarg);
				return 2;
			}
			*(c == 'm' ? &plan.run.managers : &plan.run.workers) = number;
			break;
		case 'j':
			if (!str_to_u64(str_of(optarg), &plan.jobs) || plan.jobs < 1 ||
			    plan.jobs > JOBS_MAX) {
				fprintf(stderr, "shoal-sim: not 1 to %d: %s\n", JOBS_MAX, optarg);
				return 2;
			}
			break;
		case 'p':
			plan.run.is_grown = true;
			break;
		case 'r':
			plan.replays = true;
			break;
		case 'v':
			plan.run.is_verbose = true;
			break;
		case 'q':
			plan.is_quiet = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (argc - optind > 2 || (optind < argc && !str_to_u64(str_of(argv[optind]), &plan.seed)) ||
	    (optind + 1 < argc && !str_to_u64(str_of(argv[optind + 1]), &plan.count))) {
		usage(stderr);
		return 2;
	}

	all = run_all(&plan);
	printf("%.0f seeds a minute\n",
	       (double)(all.passed + all.failed) * 60 / (seconds_now() - began + 1e-9));
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", all.passed, all.failed);
	return all.failed != 0;
}
