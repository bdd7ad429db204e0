/* shoal-sim: run seeds, print one line each, stop at the first that fails and tell how to see it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/str.h"
#include "sim/run.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: shoal-sim [OPTIONS] [SEED [COUNT]]\n\n"
		    "Runs ten simulated minutes of a cluster for each seed: eight of chaos, two of "
		    "calm.\n\n"
		    "  -m, --managers N   this many managers (drawn from the seed: 1 to 7)\n"
		    "  -w, --workers N    this many workers (default 0)\n"
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
	       " events, %zu acknowledged, %zu unknown, %zu reads\n",
	       seed, r->is_good ? "ok" : "FAILED", r->trace, r->events, r->acknowledged, r->unknown,
	       r->reads);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "managers", required_argument, NULL, 'm' },
		{ "workers", required_argument, NULL, 'w' },
		{ "replay", no_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct run_options o = { 0 };
	uint64_t seed = 1, count = 1, number, passed = 0, failed = 0;
	bool replay = false, quiet = false;
	double began = seconds_now();

	for (int c; (c = getopt_long(argc, argv, "m:w:rvqh", options, NULL)) != -1;) {
		switch (c) {
		case 'm':
		case 'w':
			if (!str_to_u64(str_of(optarg), &number) || number > 100) {
				fprintf(stderr, "shoal-sim: not a number up to 100: %s\n", optarg);
				return 2;
			}
			*(c == 'm' ? &o.managers : &o.workers) = number;
			break;
		case 'r':
			replay = true;
			break;
		case 'v':
			o.is_verbose = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (argc - optind > 2 || (optind < argc && !str_to_u64(str_of(argv[optind]), &seed)) ||
	    (optind + 1 < argc && !str_to_u64(str_of(argv[optind + 1]), &count))) {
		usage(stderr);
		return 2;
	}

	for (uint64_t i = 0; i < count; i++) {
		struct run_result r = run_seed(seed + i, &o);

		if (r.is_good && replay) {
			struct run_result again = run_seed(seed + i, &o);

			if (again.trace != r.trace) {
				r.is_good = false;
				snprintf(r.failure, sizeof(r.failure),
					 "does not replay: trace %016" PRIx64, again.trace);
			}
		}
		if (!quiet || !r.is_good)
			print_result(seed + i, &r);
		if (!r.is_good) {
			printf("seed %" PRIu64 ": %s\nsee it: shoal-sim -v", seed + i, r.failure);
			if (o.managers)
				printf(" -m %zu", o.managers);
			if (o.workers)
				printf(" -w %zu", o.workers);
			printf(" %" PRIu64 "\n", seed + i);
			failed++;
			break;
		}
		passed++;
	}
	printf("%.0f seeds a minute\n",
	       (double)(passed + failed) * 60 / (seconds_now() - began + 1e-9));
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
	return failed != 0;
}
