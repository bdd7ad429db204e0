/* Long lists: how they are answered, and what they show while the swarm changes.
 *
 * LIST_TASKS says of how many tasks (1,500 unless said otherwise), for whoever wants to measure: the
 * longest turn of the API is printed. */
#include <stdlib.h>

#include "base/mem.h"
#include "bench.h"
#include "test.h"

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define PIECE_MOST (64 << 10) /* a piece and the object that fills it */

static const char *ask(struct bench *b, const char *request)
{
	return bench_ask(b, str_of(request));
}

static int task_count(void)
{
	const char *text = getenv("LIST_TASKS");

	return text ? atoi(text) : 1500;
}

static const char *post(struct bench *b, const char *path, const char *body)
{
	AUTO_BUF struct buf request = BUF_MAX(1 << 20);

	buf_printf(&request,
		   "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		   "Content-Length: %zu\r\n\r\n%s",
		   path, strlen(body), body);
	return bench_ask(b, buf_str(&request));
}

static int occurrences(const char *text, const char *of)
{
	int count = 0;

	while ((text = strstr(text, of))) {
		text += strlen(of);
		count++;
	}
	return count;
}

/* The text of a chunked body, put together; NULL if it does not end as one does. */
static char *body_of(const char *answer)
{
	const char *head_end = strstr(answer, "\r\n\r\n");
	AUTO_BUF struct buf body = BUF_MAX(64 << 20);

	for (const char *at = head_end ? head_end + 4 : "";;) {
		char *data;
		size_t len = strtoul(at, &data, 16);

		if (strncmp(data, "\r\n", 2) != 0)
			return NULL;
		if (len == 0)
			break;
		buf_append(&body, data + 2, len);
		at = data + 2 + len + 2;
	}
	buf_append_char(&body, '\0');
	return buf_steal(&body);
}

static struct bench *swarm_with_tasks(void)
{
	struct bench *b = bench_new();
	char service[256];

	CHECK(strstr(post(b, "/swarm/init", "{\"ListenAddr\":\"0.0.0.0:2377\"}"), "200 OK"));
	bench_run(b, 2000);
	(void)snprintf(
		service, sizeof(service),
		"{\"Name\":\"web\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"nginx:1\","
		"\"Args\":[\"a\",\"b\"]}},\"Mode\":{\"Replicated\":{\"Replicas\":%d}}}",
		task_count());
	CHECK(strstr(post(b, "/services/create", service), "201 Created"));
	bench_run(b, 60000);
	return b;
}

TEST(a_long_list_comes_a_piece_a_turn_and_a_short_one_whole)
{
	struct bench *b = swarm_with_tasks();
	AUTO_FREE char *body = NULL;
	const char *answer;
	size_t longest, records;

	CHECK(strstr(ask(b, GET("/nodes")), "Content-Length: "));

	answer = bench_ask_slowly(b, str_of(GET("/tasks")));
	CHECK(strstr(answer, "Transfer-Encoding: chunked"));
	while (!bench_has_ended(b))
		answer = bench_take(b);
	records = bench_records(b, &longest);
	body = body_of(answer);
	CHECK(body);
	CHECK_INT(occurrences(body, "\"ServiceID\""), task_count());
	CHECK(body[0] == '[' && strcmp(body + strlen(body) - 2, "}]") == 0);
	CHECK(records >= strlen(body) / PIECE_MOST && records > 2);
	CHECK(longest <= PIECE_MOST);
	printf("  %d tasks: %zu bytes in %zu records, longest turn of the API %.1f ms\n",
	       task_count(), strlen(body), records, bench_longest_turn(b));
	bench_free(b);
}

TEST(others_are_answered_while_a_long_list_is_read)
{
	struct bench *b = swarm_with_tasks();

	CHECK(!strstr(bench_ask_slowly(b, str_of(GET("/tasks"))), "\r\n0\r\n"));
	CHECK(strstr(ask(b, GET("/services")), "200 OK"));
	CHECK(!bench_has_ended(b));
	bench_free(b); /* and the call ends with its memory */
}

TEST(a_long_list_shows_the_swarm_as_it_was_when_it_began)
{
	struct bench *b = swarm_with_tasks();
	AUTO_FREE char *body = NULL;
	const char *answer = bench_ask_slowly(b, str_of(GET("/tasks")));

	CHECK(strstr(ask(b, "DELETE /services/web HTTP/1.1\r\nHost: x\r\n\r\n"), "200 OK"));
	bench_run(b, 60000);
	CHECK(strstr(ask(b, GET("/tasks")), "\r\n\r\n[]"));
	while (!bench_has_ended(b))
		answer = bench_take(b);
	body = body_of(answer);
	CHECK(body);
	CHECK_INT(occurrences(body, "\"ServiceID\""), task_count());
	CHECK_INT(occurrences(body, "\"DesiredState\":\"running\""), task_count());
	bench_free(b);
}

TEST(a_long_list_survives_the_end_of_the_swarm)
{
	struct bench *b = swarm_with_tasks();
	AUTO_FREE char *body = NULL;
	const char *answer = bench_ask_slowly(b, str_of(GET("/tasks")));

	CHECK(strstr(post(b, "/swarm/leave?force=1", ""), "200 OK"));
	bench_run(b, 10000);
	CHECK(strstr(ask(b, GET("/tasks")), "503"));
	while (!bench_has_ended(b))
		answer = bench_take(b);
	body = body_of(answer);
	CHECK(body);
	CHECK_INT(occurrences(body, "\"ServiceID\""), task_count());
	bench_free(b);
}

TEST_MAIN()
