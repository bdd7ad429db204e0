/* The Status column of ps, in docker's words. */
#include "engine/inside.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    24 /* in hours from here on */

static void write_span(struct buf *out, int64_t seconds)
{
	int64_t hours = (seconds + HOUR / 2) / HOUR;

	if (seconds < 1)
		buf_append_c(out, "Less than a second");
	else if (seconds == 1)
		buf_append_c(out, "1 second");
	else if (seconds < MINUTE)
		buf_printf(out, "%lld seconds", (long long)seconds);
	else if (seconds < 2 * MINUTE)
		buf_append_c(out, "About a minute");
	else if (seconds < HOUR)
		buf_printf(out, "%lld minutes", (long long)seconds / MINUTE);
	else if (hours == 1)
		buf_append_c(out, "About an hour");
	else if (hours < 2 * DAY)
		buf_printf(out, "%lld hours", (long long)hours);
	else if (hours < 14 * DAY)
		buf_printf(out, "%lld days", (long long)hours / DAY);
	else if (hours < 60 * DAY)
		buf_printf(out, "%lld weeks", (long long)hours / DAY / 7);
	else if (hours < 730 * DAY)
		buf_printf(out, "%lld months", (long long)hours / DAY / 30);
	else
		buf_printf(out, "%lld years", (long long)hours / DAY / 365);
}

static void write_up(const Pb__Container *c, int64_t now_ns, struct buf *out)
{
	buf_append_c(out, "Up ");
	write_span(out, (now_ns - c->started_ns) / 1000000000);
	if (c->state == PB__CONTAINER__STATE__PAUSED)
		buf_append_c(out, " (Paused)");
	else if (c->health && strcmp(c->health->status, "starting") == 0)
		buf_append_c(out, " (health: starting)");
	else if (c->health)
		buf_printf(out, " (%s)", c->health->status);
}

static void write_ended(const Pb__Container *c, const char *word, int64_t now_ns, struct buf *out)
{
	buf_printf(out, "%s (%lld) ", word, (long long)c->exit_code);
	write_span(out, (now_ns - c->finished_ns) / 1000000000);
	buf_append_c(out, " ago");
}

void engine_container_status(const Pb__Container *c, struct now now, struct buf *out)
{
	switch (c->state) {
	case PB__CONTAINER__STATE__RUNNING:
	case PB__CONTAINER__STATE__PAUSED:
		write_up(c, now.wall_ns, out);
		break;
	case PB__CONTAINER__STATE__RESTARTING:
		write_ended(c, "Restarting", now.wall_ns, out);
		break;
	case PB__CONTAINER__STATE__EXITED:
		write_ended(c, "Exited", now.wall_ns, out);
		break;
	case PB__CONTAINER__STATE__REMOVING:
		buf_append_c(out, "Removal In Progress");
		break;
	case PB__CONTAINER__STATE__DEAD:
		buf_append_c(out, "Dead");
		break;
	default:
		buf_append_c(out, "Created");
		break;
	}
}
