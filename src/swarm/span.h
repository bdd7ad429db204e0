/* Moments and spans as messages carry them, in the units of `struct now`. */
#ifndef SHOAL_SWARM_SPAN_H
#define SHOAL_SWARM_SPAN_H

#include "base/now.h"
#include "pb/pb.h"

/* Longer spans are cut to this (290 years are as good as for ever), so that sums cannot overflow.
 */
#define SPAN_MAX_S (INT64_C(9000000000))

static inline int64_t span_ms(const Pb__Duration *d, int64_t absent_ms)
{
	int64_t s;

	if (!d)
		return absent_ms;
	s = d->seconds > SPAN_MAX_S    ? SPAN_MAX_S
	    : d->seconds < -SPAN_MAX_S ? -SPAN_MAX_S
				       : d->seconds;
	return s * 1000 + d->nanos / 1000000;
}

static inline bool span_is_negative(const Pb__Duration *d)
{
	return d && (d->seconds < 0 || d->nanos < 0);
}

/* Nanoseconds since 1970; 0 when absent. */
static inline int64_t moment_ns(const Pb__Timestamp *t)
{
	int64_t s;

	if (!t)
		return 0;
	s = t->seconds > SPAN_MAX_S    ? SPAN_MAX_S
	    : t->seconds < -SPAN_MAX_S ? -SPAN_MAX_S
				       : t->seconds;
	return s * 1000000000 + t->nanos;
}

static inline Pb__Timestamp *moment(struct arena *a, int64_t wall_ns)
{
	Pb__Timestamp *t = PB_NEW(a, timestamp);

	t->seconds = wall_ns / 1000000000;
	t->nanos = (int32_t)(wall_ns % 1000000000);
	return t;
}

static inline Pb__Duration *span(struct arena *a, int64_t ms)
{
	Pb__Duration *d = PB_NEW(a, duration);

	d->seconds = ms / 1000;
	d->nanos = (int32_t)(ms % 1000) * 1000000;
	return d;
}

#endif
