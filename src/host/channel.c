#include "host/channel.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "host/loop.h"
#include "wire/tls.h"

#define KEEPALIVE_S 30

static void flush(struct channel *c);
static void read_on(struct channel *c);

/* Broken inside a call of the user: it is told from the loop, later. */
static void tell_broken(void *self)
{
	struct channel *c = self;

	c->is_busy = false;
	if (c->is_closing)
		channel_close(c, c->closed);
	else
		c->user.broken(c->user.self, c->broken_text);
}

static void stop_reading(struct channel *c)
{
	if (c->is_reading)
		uv_read_stop(&c->stream);
	c->is_reading = false;
}

static void break_channel(struct channel *c, const char *reason)
{
	if (c->is_broken || c->is_closing)
		return;
	c->is_broken = true;
	(void)snprintf(c->broken_text, sizeof(c->broken_text), "%s", reason);
	stop_reading(c);
	/* A handshake step under way ends first, and then tells. */
	if (!c->is_busy) {
		c->is_busy = true;
		loop_post(c->loop, c, tell_broken);
	}
}

/* Sending. */

static struct str unsent(const struct channel *c)
{
	return str_bytes(c->out.data + c->out_at, c->out.len - c->out_at);
}

/* Forward without moving what follows: a large answer is cut into many records. */
static void consume_unsent(struct channel *c, size_t n)
{
	c->out_at += n;
	if (c->out_at == c->out.len) {
		buf_clear(&c->out);
		c->out_at = 0;
	}
}

size_t channel_queued(const struct channel *c)
{
	size_t queued = unsent(c).len + uv_stream_get_write_queue_size(&c->stream);

	return c->tls ? queued + tls_output(c->tls).len : queued;
}

uint64_t channel_taken(const struct channel *c)
{
	return c->flown - uv_stream_get_write_queue_size(&c->stream);
}

static void on_shut(uv_shutdown_t *request, int status)
{
	(void)request;
	(void)status; /* whoever minds finds the channel broken */
}

static void end_if_all_sent(struct channel *c)
{
	if (!c->is_ending || c->is_shut || c->is_flying || c->out.len)
		return;
	c->is_shut = true;
	if (c->tls && c->is_open) {
		tls_close(c->tls);
		flush(c);
	}
	uv_shutdown(&c->shutdown, &c->stream, on_shut);
}

static void on_written(uv_write_t *request, int status)
{
	struct channel *c = container_of(request, struct channel, write);

	c->is_flying = false;
	if (c->is_closing)
		return;
	if (status != 0) {
		break_channel(c, uv_strerror(status));
		return;
	}
	buf_clear(&c->flying);
	flush(c);
	if (!c->is_broken)
		c->user.sent(c->user.self, channel_queued(c));
}

static void launch(struct channel *c)
{
	uv_buf_t view = uv_buf_init(c->flying.data, (unsigned)c->flying.len);
	int status;

	c->is_flying = true;
	c->flown += c->flying.len;
	status = uv_write(&c->write, &c->stream, &view, 1, on_written);
	if (status != 0) {
		c->is_flying = false;
		break_channel(c, uv_strerror(status));
	}
}

static bool encrypt(struct channel *c)
{
	while (c->is_open && c->out.len) {
		struct err e;
		size_t taken = 0;
		enum tls_result result = tls_write(c->tls, unsent(c), &taken, &e);

		consume_unsent(c, taken);
		if (result == TLS_FAILED) {
			break_channel(c, e.text);
			return false;
		}
		if (result != TLS_OK)
			break;
	}
	return true;
}

/* The next piece for the kernel: all there is, or all that is encrypted. */
static void load_flight(struct channel *c)
{
	struct str cipher;

	if (!c->tls && c->out.len) {
		assert(c->out_at == 0);
		c->flying = c->out;
		c->out = BUF_MAX(CHANNEL_QUEUE_MAX);
	} else if (c->tls && (cipher = tls_output(c->tls)).len) {
		c->flying = BUF_MAX(TLS_OUTPUT_MAX * 2);
		buf_append_str(&c->flying, cipher);
		tls_output_consume(c->tls, cipher.len);
	}
}

/* Give the kernel the next piece, if it has taken the last. */
static void flush(struct channel *c)
{
	if (c->is_flying || c->is_broken || c->is_closing || (c->is_busy && !c->is_open))
		return;
	if (c->tls && !encrypt(c))
		return;
	load_flight(c);
	if (c->flying.len)
		launch(c);
	else
		end_if_all_sent(c);
}

void channel_write(struct channel *c, struct str bytes)
{
	assert(!c->is_ending);
	if (c->is_broken || c->is_closing)
		return;
	if (!buf_append_str(&c->out, bytes)) {
		break_channel(c, "too much is waiting to be sent");
		return;
	}
	flush(c);
}

void channel_end(struct channel *c)
{
	if (c->is_ending || c->is_broken || c->is_closing)
		return;
	c->is_ending = true;
	flush(c);
}

/* Receiving. */

static void offer(struct channel *c, struct str bytes)
{
	if (c->held.len) {
		buf_append_str(&c->held, bytes);
		return;
	}
	c->user.received(c->user.self, &bytes);
	if (bytes.len && !c->is_closing)
		buf_append_str(&c->held, bytes);
}

static bool may_read(const struct channel *c)
{
	return !c->is_broken && !c->is_closing && !c->has_ended && !c->is_busy &&
	       c->held.len < CHANNEL_HELD_MAX;
}

static void note_end(struct channel *c)
{
	if (c->has_ended)
		return;
	c->has_ended = true;
	stop_reading(c);
	c->user.ended(c->user.self);
}

/* All the plaintext that is there, as long as the user, or what we may hold for it, takes it. */
static void decrypt(struct channel *c)
{
	while (c->is_open && !c->is_broken && !c->is_closing && c->held.len < CHANNEL_HELD_MAX) {
		struct err e;
		size_t got = 0;
		enum tls_result result =
			tls_read(c->tls, c->space->plain, sizeof(c->space->plain), &got, &e);

		if (result == TLS_OK) {
			offer(c, str_bytes(c->space->plain, got));
			continue;
		}
		flush(c);
		if (result == TLS_CLOSED)
			note_end(c);
		else if (result == TLS_FAILED)
			break_channel(c, e.text);
		return;
	}
}

static void handshake_work(void *self)
{
	struct channel *c = self;
	struct err e;

	tls_feed(c->tls, buf_str(&c->handshake_input));
	c->handshake_result = tls_handshake(c->tls, &e);
	if (c->handshake_result == TLS_FAILED)
		(void)snprintf(c->handshake_error, sizeof(c->handshake_error), "%.127s", e.text);
	else
		(void)snprintf(c->handshake_error, sizeof(c->handshake_error),
			       "closed during the handshake");
}

static void handshake_done(void *self)
{
	struct channel *c = self;

	c->is_busy = false;
	if (c->is_closing) {
		channel_close(c, c->closed);
		return;
	}
	if (c->is_broken) {
		tell_broken(c);
		return;
	}
	buf_reset(&c->handshake_input);
	if (c->handshake_result == TLS_FAILED || c->handshake_result == TLS_CLOSED) {
		flush(c); /* the alert */
		break_channel(c, c->handshake_error);
		return;
	}
	if (c->handshake_result == TLS_OK) {
		c->is_open = true;
		buf_clear(&c->handshake_input);
		if (c->user.opened)
			c->user.opened(c->user.self);
	}
	flush(c);
	if (c->is_open)
		decrypt(c);
	read_on(c);
}

static const char plain_answer[] = "HTTP/1.0 400 Bad Request\r\n\r\n"
				   "Client sent an HTTP request to an HTTPS server.\n";

/* The first byte of a TLS client is 22; a capital letter begins a request in the clear. Before
 * the first step the result is TLS_OK, after it TLS_MORE. */
static bool is_plain_http(const struct channel *c, struct str first)
{
	return c->handshake_result == TLS_OK && first.ptr[0] >= 'A' && first.ptr[0] <= 'Z';
}

static void begin_handshake_step(struct channel *c, struct str ciphertext)
{
	if (is_plain_http(c, ciphertext)) {
		uv_buf_t view = uv_buf_init((char *)plain_answer, sizeof(plain_answer) - 1);

		(void)uv_try_write(&c->stream, &view, 1);
		break_channel(c, "the client speaks plain HTTP");
		return;
	}
	buf_append_str(&c->handshake_input, ciphertext);
	c->is_busy = true;
	stop_reading(c);
	loop_job(c->loop, c, handshake_work, handshake_done);
}

static void on_bytes(struct channel *c, struct str bytes)
{
	if (!c->tls) {
		offer(c, bytes);
	} else if (!c->is_open) {
		begin_handshake_step(c, bytes);
	} else {
		/* Reading stops while plaintext is held, so that what is fed always fits. */
		if (tls_feed(c->tls, bytes) < bytes.len)
			break_channel(c, "more ciphertext than may wait");
		decrypt(c);
	}
	if (!may_read(c))
		stop_reading(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *space)
{
	struct channel *c = stream->data;

	if (n > 0)
		on_bytes(c, str_bytes(space->base, (size_t)n));
	else if (n == UV_EOF && c->tls && !c->is_open)
		break_channel(c, "closed during the handshake");
	else if (n == UV_EOF)
		note_end(c);
	else if (n < 0)
		break_channel(c, uv_strerror((int)n));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *space)
{
	struct channel *c = handle->data;

	(void)suggested;
	*space = uv_buf_init(c->space->wire, sizeof(c->space->wire));
}

static void read_on(struct channel *c)
{
	int status;

	if (c->is_reading || !may_read(c))
		return;
	status = uv_read_start(&c->stream, on_alloc, on_read);
	if (status != 0)
		break_channel(c, uv_strerror(status));
	else
		c->is_reading = true;
}

void channel_offer(struct channel *c)
{
	if (c->is_broken || c->is_closing)
		return;
	if (c->held.len) {
		struct str bytes = buf_str(&c->held);

		c->user.received(c->user.self, &bytes);
		if (c->is_closing)
			return;
		buf_consume(&c->held, c->held.len - bytes.len);
		if (c->held.len == 0)
			buf_clear(&c->held);
	}
	if (c->tls && c->is_open)
		decrypt(c);
	read_on(c);
}

bool channel_is_deserted(const struct channel *c)
{
	struct pollfd p = { .events = 0 };
	uv_os_fd_t fd;

	if (c->is_broken || uv_fileno(&c->handle, &fd) != 0)
		return true;
	p.fd = fd;
	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

/* Opening and closing. */

static void take_socket(struct channel *c, int fd)
{
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);
	int status;

	status = getsockname(fd, (struct sockaddr *)&addr, &size);
	assert(status == 0);
	if (addr.ss_family == AF_UNIX) {
		uv_pipe_init(loop_uv(c->loop), &c->pipe, 0);
		status = uv_pipe_open(&c->pipe, fd);
	} else {
		uv_tcp_init(loop_uv(c->loop), &c->tcp);
		status = uv_tcp_open(&c->tcp, fd);
	}
	assert(status == 0);
	if (addr.ss_family != AF_UNIX) {
		uv_tcp_nodelay(&c->tcp, 1);
		uv_tcp_keepalive(&c->tcp, 1, KEEPALIVE_S);
	}
}

static void announce_open(void *self)
{
	struct channel *c = self;

	c->is_busy = false;
	if (c->is_closing) {
		channel_close(c, c->closed);
		return;
	}
	if (c->is_broken) {
		tell_broken(c);
		return;
	}
	c->is_open = !c->tls;
	if (c->is_open && c->user.opened)
		c->user.opened(c->user.self);
	read_on(c);
}

void channel_open(struct channel *c, struct loop *loop, struct channel_space *space, int fd,
		  const struct tls_config *tls, const struct channel_user *user)
{
	*c = (struct channel){ .loop = loop, .space = space, .user = *user };
	c->held = BUF_MAX(CHANNEL_HELD_MAX * 4);
	c->out = BUF_MAX(CHANNEL_QUEUE_MAX);
	c->handshake_input = BUF_MAX(sizeof(space->wire));
	take_socket(c, fd);
	c->handle.data = c;
	if (tls)
		c->tls = tls_new(tls, loop_now(loop).wall_ns / 1000000000);
	c->is_busy = true;
	loop_post(loop, c, announce_open);
}

static void on_closed(uv_handle_t *handle)
{
	struct channel *c = handle->data;

	tls_free(c->tls);
	buf_clear(&c->held);
	buf_clear(&c->out);
	buf_clear(&c->flying);
	buf_clear(&c->handshake_input);
	c->closed(c);
}

void channel_close(struct channel *c, void (*closed)(struct channel *c))
{
	c->is_closing = true;
	c->closed = closed;
	stop_reading(c);
	/* What is posted or in another thread comes back first, and closes. */
	if (!c->is_busy && !uv_is_closing(&c->handle))
		uv_close(&c->handle, on_closed);
}
