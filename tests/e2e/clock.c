/* A clock that goes ahead: preloaded into a daemon, its wall clock is $CLOCK_AHEAD_S seconds ahead of
 * everybody's. Certificates expire so. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	const char *ahead = getenv("CLOCK_AHEAD_S");
	int status = real(clock, now);

	if (status == 0 && clock == CLOCK_REALTIME && ahead)
		now->tv_sec += atol(ahead);
	return status;
}
