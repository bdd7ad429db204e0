#include "host/endpoint.h"

#include <stdio.h>

#include "test.h"

/* An owner and a user that write down what they are told, in one line. */
struct story {
	struct endpoint ep;
	char text[256];
};

static void say(struct story *s, const char *word)
{
	size_t len = strlen(s->text);

	(void)snprintf(s->text + len, sizeof(s->text) - len, "%s%s", len ? " " : "", word);
}

static struct story *story_of(struct endpoint *ep)
{
	return container_of(ep, struct story, ep);
}

static void joined(struct endpoint *ep)
{
	say(story_of(ep), "joined");
}

static void flow(struct endpoint *ep, bool may_flow)
{
	say(story_of(ep), may_flow ? "go" : "hold");
}

static bool input(struct endpoint *ep, struct str bytes)
{
	say(story_of(ep), bytes.ptr);
	return bytes.len < 4;
}

static void end_input(struct endpoint *ep)
{
	say(story_of(ep), "eof");
}

static void left(struct endpoint *ep)
{
	say(story_of(ep), "left");
}

static const struct endpoint_kind kind = { joined, flow, input, end_input, left };

static void output(void *self, enum endpoint_stream stream, struct str bytes)
{
	char word[32];

	(void)snprintf(word, sizeof(word), "%d:%.*s", stream, STR_FMT(bytes));
	say(self, word);
}

static void drained(void *self)
{
	say(self, "drained");
}

static void ended(void *self, const char *reason)
{
	say(self, reason ? reason : "ended");
}

static struct endpoint_user user_of(struct story *s)
{
	return (struct endpoint_user){ s, output, drained, ended };
}

TEST(bytes_pass_both_ways_until_it_ends)
{
	struct endpoints all;
	struct story s = { 0 };
	struct endpoint *ep;
	uint64_t number;

	endpoints_init(&all);
	number = endpoint_add(&all, &s.ep, &kind);
	ep = endpoint_join(&all, number, user_of(&s));
	CHECK(ep == &s.ep);
	endpoint_output(ep, ENDPOINT_STDERR, STR("oops"));
	endpoint_flow(ep, false);
	CHECK(endpoint_input(ep, STR("ls")));
	CHECK(!endpoint_input(ep, STR("more")));
	endpoint_drained(ep);
	endpoint_end_input(ep);
	endpoint_end(ep, NULL);

	CHECK_STR(s.text, "joined 2:oops hold ls more drained eof ended");
	CHECK(!endpoint_join(&all, number, user_of(&s)));
}

TEST(an_endpoint_has_one_user)
{
	struct endpoints all;
	struct story s = { 0 };
	uint64_t number;

	endpoints_init(&all);
	number = endpoint_add(&all, &s.ep, &kind);
	CHECK(endpoint_join(&all, number, user_of(&s)));
	CHECK(!endpoint_join(&all, number, user_of(&s)));
	endpoint_drop(&all, number);
	CHECK_STR(s.text, "joined");
	endpoint_leave(&s.ep);
	CHECK_STR(s.text, "joined left");
}

TEST(after_the_end_nothing_more_is_said)
{
	struct endpoints all;
	struct story s = { 0 };

	endpoints_init(&all);
	CHECK(endpoint_join(&all, endpoint_add(&all, &s.ep, &kind), user_of(&s)));
	endpoint_end(&s.ep, "cut off");
	endpoint_end(&s.ep, NULL);
	endpoint_output(&s.ep, ENDPOINT_STDOUT, STR("x"));
	endpoint_drained(&s.ep);

	CHECK_STR(s.text, "joined cut off");
	CHECK_INT(all.all.count, 0);
}

TEST(one_that_nobody_wants_is_given_back)
{
	struct endpoints all;
	struct story s = { 0 };
	uint64_t number;

	endpoints_init(&all);
	number = endpoint_add(&all, &s.ep, &kind);
	endpoint_drop(&all, number);
	endpoint_drop(&all, number);
	CHECK_STR(s.text, "left");
}

TEST_MAIN()
