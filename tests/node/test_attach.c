/* Attach against a socket and a pipe as conmon has them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mem.h"
#include "node/exec_io.h"
#include "node/files_io.h"

struct fixture {
	struct ev_loop *loop;
	struct rk_oci oci;
	char bundle[RK_PATH_MAX];
	int listener, conmon, ctl;
	struct rk_exec *exec;
	struct rk_buf outputs[3]; /* by channel */
	int code;                 /* -1: it goes on */
	unsigned drained;
};

static void on_data(void *context, int channel, struct rk_span bytes)
{
	rk_buf_put_span(&((struct fixture *)context)->outputs[channel], bytes);
}

static void on_ended(void *context, int code)
{
	struct fixture *fix = context;

	fix->code = code;
	fix->exec = NULL;
}

static void on_drained(void *context) { ((struct fixture *)context)->drained++; }

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)timer, (void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static void run_for(struct fixture *fix, double seconds)
{
	ev_timer timer;

	ev_timer_init(&timer, on_timer, seconds, 0.);
	ev_timer_start(fix->loop, &timer);
	ev_run(fix->loop, 0);
	ev_timer_stop(fix->loop, &timer);
}

static void open_conmon(struct fixture *fix)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[RK_PATH_MAX];

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%.90s/attach", fix->bundle);
	fix->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fix->listener, (const struct sockaddr *)&address, sizeof address), 0);
	cr_assert_eq(listen(fix->listener, 1), 0);
	rk_path(path, "%s/ctl", fix->bundle);
	cr_assert_eq(mkfifo(path, 0600), 0);
	fix->ctl = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	cr_assert_geq(fix->ctl, 0);
}

static void fixture_open(struct fixture *fix, bool takes_stdin, bool is_tty)
{
	struct rk_error error = { 0 };

	*fix = (struct fixture){ .loop = ev_loop_new(0), .code = -1 };
	(void)snprintf(fix->oci.dir, sizeof fix->oci.dir, "/tmp/reckon-attach-XXXXXX");
	cr_assert_not_null(mkdtemp(fix->oci.dir));
	rk_oci_bundle_path(&fix->oci, fix->bundle, RK_SPAN("u"), "u.c.0");
	cr_assert_eq(rk_dir_make(fix->bundle, 0700, NULL), 0);
	open_conmon(fix);
	const struct rk_exec_opts opts = {
		.loop = fix->loop,
		.oci = &fix->oci,
		.uid = RK_SPAN("u"),
		.id = "u.c.0",
		.has_stdin = true,
		.takes_stdin = takes_stdin,
		.is_tty = is_tty,
		.context = fix,
		.data = on_data,
		.ended = on_ended,
		.input_drained = on_drained,
	};
	cr_assert_eq(rk_exec_start(&fix->exec, &opts, &error), 0, "%s", error.text);
	fix->conmon = accept(fix->listener, NULL, NULL);
	cr_assert_geq(fix->conmon, 0);
}

static void fixture_close(struct fixture *fix)
{
	(void)rk_exec_close(fix->exec);
	rk_drop_fd(&fix->conmon);
	rk_drop_fd(&fix->listener);
	rk_drop_fd(&fix->ctl);
	for (int i = 0; i < 3; i++)
		rk_buf_done(&fix->outputs[i]);
	(void)rk_dir_remove(fix->oci.dir, NULL);
	ev_loop_destroy(fix->loop);
}

Test(attach, packets_are_told_apart_and_the_sockets_end_is_the_end)
{
	struct fixture fix;

	fixture_open(&fix, true, false);
	cr_expect_eq(send(fix.conmon, "\2out", 4, 0), 4);
	cr_expect_eq(send(fix.conmon, "\3err", 4, 0), 4);
	cr_expect_eq(send(fix.conmon, "\7what", 5, 0), 5);
	cr_expect_eq(send(fix.conmon, "\2more", 5, 0), 5);
	run_for(&fix, 0.05);
	cr_expect(rk_span_is(rk_buf_span(&fix.outputs[1]), "outmore"));
	cr_expect(rk_span_is(rk_buf_span(&fix.outputs[2]), "err"));
	cr_expect_eq(fix.code, -1);
	rk_drop_fd(&fix.conmon);
	fix.conmon = -1;
	run_for(&fix, 0.05);
	cr_expect_eq(fix.code, 0);
	fixture_close(&fix);
}

Test(attach, input_goes_in_packets_that_conmon_can_take_and_ends)
{
	static uint8_t bytes[100000], got[sizeof bytes];
	struct fixture fix;
	size_t at = 0;
	ssize_t size;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 >> 2);
	fixture_open(&fix, true, false);
	cr_expect(rk_exec_write(fix.exec, rk_span_of(bytes, sizeof bytes)));
	rk_exec_close_input(fix.exec);
	(void)fcntl(fix.conmon, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 100 && at < sizeof bytes; i++) {
		run_for(&fix, 0.01);
		while (at < sizeof bytes &&
		       (size = recv(fix.conmon, got + at, sizeof got - at, MSG_TRUNC)) > 0) {
			cr_expect_leq(size, 8192);
			at += (size_t)size;
		}
	}
	cr_expect_eq(at, sizeof bytes);
	cr_expect_arr_eq(got, bytes, sizeof bytes);
	run_for(&fix, 0.05);
	cr_expect_eq(recv(fix.conmon, got, sizeof got, 0), 0, "the end of it");
	cr_expect_eq(fix.code, -1, "it still listens");
	fixture_close(&fix);
}

Test(attach, a_process_that_does_not_read_holds_the_client_back)
{
	static const uint8_t bytes[65536];
	struct fixture fix;
	char got[65536];
	size_t count = 0;

	fixture_open(&fix, true, false);
	while (count < 64 && rk_exec_write(fix.exec, rk_span_of(bytes, sizeof bytes)))
		count++;
	cr_expect_lt(count, 32);
	cr_expect_eq(fix.drained, 0);
	(void)fcntl(fix.conmon, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 200 && fix.drained == 0; i++) {
		run_for(&fix, 0.005);
		while (recv(fix.conmon, got, sizeof got, 0) > 0)
			;
	}
	cr_expect_eq(fix.drained, 1);
	fixture_close(&fix);
}

Test(attach, a_container_without_stdin_gets_none)
{
	struct fixture fix;
	char got[16];

	fixture_open(&fix, false, false);
	cr_expect(rk_exec_write(fix.exec, RK_SPAN("ignored")));
	rk_exec_close_input(fix.exec);
	run_for(&fix, 0.05);
	cr_expect_eq(recv(fix.conmon, got, sizeof got, MSG_DONTWAIT), -1);
	fixture_close(&fix);
}

/* Each size is a line of its own to conmon, and the last one always comes through. */
Test(attach, window_sizes_go_one_by_one)
{
	struct fixture fix;
	char got[128] = "";

	fixture_open(&fix, true, true);
	rk_exec_resize(fix.exec, 78, 34);
	rk_exec_resize(fix.exec, 79, 35);
	rk_exec_resize(fix.exec, 77, 5000);
	cr_expect_eq(read(fix.ctl, got, sizeof got - 1), 8);
	cr_expect_str_eq(got, "1 34 78\n");
	run_for(&fix, 0.3);
	(void)memset(got, 0, sizeof got);
	cr_expect_eq(read(fix.ctl, got, sizeof got - 1), 10);
	cr_expect_str_eq(got, "1 1000 77\n");
	rk_exec_close_input(fix.exec);
	run_for(&fix, 0.05);
	cr_expect_eq(recv(fix.conmon, got, sizeof got, MSG_DONTWAIT), -1,
		     "a terminal's input does not end");
	fixture_close(&fix);
}

Test(attach, a_container_that_is_gone)
{
	struct rk_error error = { 0 };
	struct rk_exec *exec = NULL;
	struct fixture fix;

	fixture_open(&fix, true, false);
	const struct rk_exec_opts opts = {
		.loop = fix.loop, .oci = &fix.oci, .uid = RK_SPAN("u"), .id = "u.c.1"
	};
	cr_expect_eq(rk_exec_start(&exec, &opts, &error), RK_ENOENT);
	cr_expect_null(exec);
	fixture_close(&fix);
}
