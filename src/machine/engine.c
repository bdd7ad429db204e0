#include "machine/engine.h"

#include <curl/curl.h>
#include <time.h>

#include "base/mem.h"
#include "template/field.h"
#include "machine/driver.h"

#define ANSWER_BYTES_MAX ((size_t)256 << 10)
#define TRY_MS           2500 /* a busy computer takes its time for a handshake */
#define POLL_MS          20
#define POLL_FAR_MS      1000
#define ENGINES_AT_ONCE  64L

struct question {
	struct engine_answer *answer;
	CURL *easy;
	struct buf body;
	char error[CURL_ERROR_SIZE];
	char *url, *ca, *cert, *key;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t on_body(char *data, size_t one, size_t size, void *arg)
{
	struct question *q = arg;

	return buf_append(&q->body, data, size) ? size : 0;
}

static void set_up(struct question *q, int64_t timeout_ms)
{
	const struct machine *m = q->answer->machine;
	AUTO_FREE char *at = machine_url_seen(m);

	q->body = BUF_MAX(ANSWER_BYTES_MAX);
	q->url = xasprintf("https://%s/version", strlen("tcp://") + (at ? at : "tcp://"));
	q->ca = machine_file(m, "ca.pem");
	q->cert = machine_file(m, "cert.pem");
	q->key = machine_file(m, "key.pem");
	curl_easy_setopt(q->easy, CURLOPT_URL, q->url);
	curl_easy_setopt(q->easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(q->easy, CURLOPT_CAINFO, q->ca);
	curl_easy_setopt(q->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(q->easy, CURLOPT_SSLCERT, q->cert);
	curl_easy_setopt(q->easy, CURLOPT_SSLKEY, q->key);
	curl_easy_setopt(q->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(q->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(q->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->error);
	curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
}

static void tear_down(struct question *q)
{
	curl_easy_cleanup(q->easy);
	buf_clear(&q->body);
	free(q->url);
	free(q->ca);
	free(q->cert);
	free(q->key);
}

static bool read_version(struct question *q)
{
	struct engine_answer *a = q->answer;
	AUTO_JSON json_t *said = json_loadb(q->body.data ? q->body.data : "", q->body.len, 0, NULL);
	long status = 0;

	curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 || !*field_text(said, "Version"))
		return fail(&a->why, ERR_UNAVAILABLE, "the engine answers %ld and no version",
			    status);
	(void)snprintf(a->version, sizeof(a->version), "%s", field_text(said, "Version"));
	return true;
}

static bool is_refused(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
	       code == CURLE_SSL_CACERT_BADFILE;
}

static void on_done(struct question *q, CURLcode code)
{
	struct engine_answer *a = q->answer;
	const char *text = *q->error ? q->error : curl_easy_strerror(code);

	a->is_late = code == CURLE_OPERATION_TIMEDOUT;
	if (code == CURLE_OK)
		(void)read_version(q);
	else
		fail(&a->why, is_refused(code) ? ERR_DENIED : ERR_UNAVAILABLE, "%s", text);
}

static void run(CURLM *multi)
{
	int running, left;
	CURLMsg *message;

	do {
		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return;
		while ((message = curl_multi_info_read(multi, &left))) {
			struct question *q = NULL;

			if (message->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&q);
			on_done(q, message->data.result);
		}
		if (running && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
			return;
	} while (running);
}

void engines_ask(struct engine_answer *answers, size_t count, int64_t timeout_ms)
{
	AUTO_FREE struct question *questions = xcalloc(count + 1, sizeof(*questions));
	CURLM *multi = curl_multi_init();

	if (!multi)
		abort();
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, ENGINES_AT_ONCE);
	for (size_t i = 0; i < count; i++) {
		struct question *q = &questions[i];

		q->answer = &answers[i];
		answers[i].version[0] = '\0';
		if (!answers[i].machine)
			continue;
		q->easy = curl_easy_init();
		if (!q->easy)
			abort();
		set_up(q, timeout_ms);
		curl_multi_add_handle(multi, q->easy);
	}
	run(multi);
	for (size_t i = 0; i < count; i++) {
		if (questions[i].easy)
			curl_multi_remove_handle(multi, questions[i].easy);
		tear_down(&questions[i]);
	}
	curl_multi_cleanup(multi);
}

bool engine_version(const struct machine *m, int64_t timeout_ms, char version[64], struct err *e)
{
	struct engine_answer a = { .machine = m };

	engines_ask(&a, 1, timeout_ms);
	if (!*a.version) {
		*e = a.why;
		return false;
	}
	memcpy(version, a.version, sizeof(a.version));
	return true;
}

bool engine_wait(struct machine *m, int64_t timeout_ms, struct err *e)
{
	int64_t end_ms = now_ms() + timeout_ms;
	int64_t pause_ms = m->driver->is_far ? POLL_FAR_MS : POLL_MS;
	const struct timespec pause = { .tv_sec = pause_ms / 1000,
					.tv_nsec = pause_ms % 1000 * 1000000 };

	for (;;) {
		struct engine_answer a = { .machine = m };
		int64_t left_ms = end_ms - now_ms();

		if (machine_look(m) != STATE_RUNNING)
			return fail(e, ERR_UNAVAILABLE, "the host has ended");
		engines_ask(&a, 1, left_ms > TRY_MS ? TRY_MS : left_ms > 1 ? left_ms : 1);
		if (*a.version)
			return true;
		if (a.why.kind == ERR_DENIED || now_ms() >= end_ms) {
			*e = a.why;
			return false;
		}
		(void)nanosleep(&pause, NULL);
	}
}
