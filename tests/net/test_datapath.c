/* Real sockets through the real programs, in a cgroup and a network namespace of the test's own. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "net/service_io.h"
#include "tests/net/cluster.h"

#define BACKENDS     3
#define VIP          "10.96.0.10"
#define BACKEND_PORT 8080

static struct sockaddr_in ipv4(const char *address, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	cr_assert_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	return to;
}

static struct sockaddr_in6 mapped(const char *address, uint16_t port)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	char text[64];

	(void)snprintf(text, sizeof text, "::ffff:%s", address);
	cr_assert_eq(inet_pton(AF_INET6, text, &to.sin6_addr), 1);
	return to;
}

static void answer(const struct pollfd *ready, int index)
{
	const char name = (char)('1' + index % BACKENDS);
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	char byte;

	if (index < BACKENDS) {
		const int fd = accept(ready->fd, NULL, NULL);
		(void)!write(fd, &name, 1);
		(void)close(fd);
	} else if (recvfrom(ready->fd, &byte, 1, 0, (struct sockaddr *)&from, &size) >= 0) {
		(void)sendto(ready->fd, &name, 1, 0, (struct sockaddr *)&from, size);
	}
}

/* Three endpoints, 127.1.0.1 to 127.1.0.3, which answer TCP and UDP with their number. */
static pid_t serve(void)
{
	struct pollfd fds[2 * BACKENDS];

	for (int i = 0; i < 2 * BACKENDS; i++) {
		const bool is_tcp = i < BACKENDS;
		char address[16];
		(void)snprintf(address, sizeof address, "127.1.0.%d", i % BACKENDS + 1);
		const struct sockaddr_in at = ipv4(address, BACKEND_PORT);
		fds[i].fd = socket(AF_INET, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
		fds[i].events = POLLIN;
		cr_assert_eq(bind(fds[i].fd, (const struct sockaddr *)&at, sizeof at), 0);
		cr_assert(!is_tcp || listen(fds[i].fd, 1024) == 0);
	}
	const pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (poll(fds, 2 * BACKENDS, -1) > 0)
			for (int i = 0; i < 2 * BACKENDS; i++)
				if ((fds[i].revents & POLLIN) != 0)
					answer(&fds[i], i);
		_exit(1);
	}
	for (int i = 0; i < 2 * BACKENDS; i++)
		(void)close(fds[i].fd);
	return pid;
}

static void limit(int fd)
{
	const struct timeval wait = { .tv_sec = 2 };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
}

/* One request by TCP: the number of the endpoint that answered, or -errno. */
static int request(const void *to, socklen_t size)
{
	RK_AUTO(rk_drop_fd)
	int fd = socket(((const struct sockaddr *)to)->sa_family, SOCK_STREAM, 0);
	struct sockaddr_storage peer = { 0 };
	socklen_t peer_size = sizeof peer;
	char name = 0;

	limit(fd);
	if (connect(fd, to, size) < 0)
		return -errno;
	cr_expect_eq(getpeername(fd, (struct sockaddr *)&peer, &peer_size), 0);
	cr_expect_eq(peer_size, size);
	if (peer.ss_family == AF_INET)
		cr_expect_eq(memcmp(&peer, to, 8), 0, "the peer is the cluster address");
	else
		cr_expect_eq(memcmp(&((struct sockaddr_in6 *)&peer)->sin6_addr,
				    &((const struct sockaddr_in6 *)to)->sin6_addr, 16),
			     0);
	return read(fd, &name, 1) == 1 ? name - '0' : -errno;
}

/* One datagram there and back on a socket that is not connected. */
static int exchange(int fd, const void *to, socklen_t size)
{
	struct sockaddr_storage from = { 0 };
	socklen_t from_size = sizeof from;
	char name = 0;

	if (sendto(fd, "?", 1, 0, to, size) < 0)
		return -errno;
	if (recvfrom(fd, &name, 1, 0, (struct sockaddr *)&from, &from_size) < 0)
		return -errno;
	cr_expect_eq(from_size, size);
	if (from.ss_family == AF_INET)
		cr_expect_eq(memcmp(&from, to, 8), 0, "the answer comes from the cluster address");
	else
		cr_expect_eq(memcmp(&((struct sockaddr_in6 *)&from)->sin6_addr,
				    &((const struct sockaddr_in6 *)to)->sin6_addr, 16),
			     0);
	return name - '0';
}

static void put_service(struct rk_services *services, const char *extra)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	rk_services_put(services, RK_SPAN("default"), RK_SPAN("web"),
			test_object(&arena,
				    "{spec: {clusterIP: " VIP ", clusterIPs: [" VIP "], %s ports: ["
				    "{name: http, port: 80, protocol: TCP}, {name: dns, port: 53, "
				    "protocol: UDP}]}}",
				    extra));
}

/* The endpoints whose bit is set. */
static void put_slice(struct rk_services *services, unsigned which)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	char endpoints[256] = "";

	for (int i = 0; i < BACKENDS; i++)
		if ((which >> i & 1) != 0)
			(void)snprintf(endpoints + strlen(endpoints),
				       sizeof endpoints - strlen(endpoints),
				       "{addresses: [127.1.0.%d]},", i + 1);
	rk_services_put_slice(
		services, RK_SPAN("default"), RK_SPAN("web-1"),
		test_object(
			&arena,
			"{metadata: {labels: {kubernetes.io/service-name: web}}, addressType: IPv4,"
			"ports: [{name: http, port: %d, protocol: TCP}, {name: dns, port: %d, "
			"protocol: UDP}],"
			"endpoints: [%s]}",
			BACKEND_PORT, BACKEND_PORT, endpoints));
}

static void sync_services(struct rk_services *services)
{
	struct rk_error error = { 0 };

	cr_assert_eq(rk_services_sync(services, &error), 0, "%s", error.text);
}

static struct rk_services *open_services(const struct test_place *place)
{
	const struct rk_services_opts opts = { place->cgroup, place->pin, "node-1" };
	struct rk_services *services = NULL;
	struct rk_error error = { 0 };

	cr_assert_eq(rk_services_open(&services, &opts, &error), 0, "%s", error.text);
	return services;
}

static void check_spread(const void *to, socklen_t size, bool is_tcp)
{
	int hits[BACKENDS + 1] = { 0 };

	for (int i = 0; i < 3000; i++) {
		int got;
		if (is_tcp) {
			got = request(to, size);
		} else {
			RK_AUTO(rk_drop_fd)
			int fd = socket(((const struct sockaddr *)to)->sa_family, SOCK_DGRAM, 0);
			limit(fd);
			got = exchange(fd, to, size);
		}
		cr_assert(got >= 1 && got <= BACKENDS, "%d", got);
		hits[got]++;
	}
	for (int i = 1; i <= BACKENDS; i++)
		cr_expect(hits[i] >= 850 && hits[i] <= 1150, "endpoint %d: %d of 3000", i, hits[i]);
}

Test(datapath, cluster_addresses_reach_every_endpoint, .timeout = 60)
{
	const struct sockaddr_in tcp = ipv4(VIP, 80), udp = ipv4(VIP, 53);
	const struct sockaddr_in6 tcp6 = mapped(VIP, 80), udp6 = mapped(VIP, 53);
	struct test_place place;

	if (!test_place_enter(&place, "datapath.cluster_addresses_reach_every_endpoint"))
		return;
	const pid_t server = serve();
	struct rk_services *services = open_services(&place);
	put_service(services, "");
	put_slice(services, 7);
	sync_services(services);
	check_spread(&tcp, sizeof tcp, true);
	check_spread(&udp, sizeof udp, false);
	cr_expect_gt(request(&tcp6, sizeof tcp6), 0, "an address in IPv6 form");
	check_spread(&udp6, sizeof udp6, false);
	const struct sockaddr_in direct = ipv4("127.1.0.2", BACKEND_PORT);
	cr_expect_eq(request(&direct, sizeof direct), 2, "other addresses are left alone");
	rk_services_destroy(services);
	cr_expect_neq(access(place.pin, F_OK), 0, "nothing is pinned any more");
	cr_expect_lt(request(&tcp, sizeof tcp), 0, "nobody translates any more");
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	test_place_leave(&place);
}

Test(datapath, endpoints_come_and_go, .timeout = 60)
{
	const struct sockaddr_in tcp = ipv4(VIP, 80), udp = ipv4(VIP, 53);
	struct test_place place;

	if (!test_place_enter(&place, "datapath.endpoints_come_and_go"))
		return;
	const pid_t server = serve();
	struct rk_services *services = open_services(&place);
	put_service(services, "");
	sync_services(services);
	const uint64_t before = rk_clock_mono_ms();
	RK_AUTO(rk_drop_fd) int fd = socket(AF_INET, SOCK_DGRAM, 0);
	limit(fd);
	cr_expect_eq(request(&tcp, sizeof tcp), -ECONNREFUSED);
	cr_expect_eq(exchange(fd, &udp, sizeof udp), -ECONNREFUSED);
	cr_expect_lt(rk_clock_mono_ms() - before, 100);

	put_slice(services, 7);
	sync_services(services);
	const int chosen = exchange(fd, &udp, sizeof udp);
	cr_assert(chosen >= 1 && chosen <= BACKENDS, "%d", chosen);
	for (int i = 0; i < 20; i++)
		cr_expect_eq(exchange(fd, &udp, sizeof udp), chosen, "a socket keeps its endpoint");
	const int other = chosen % BACKENDS + 1;
	put_slice(services, 7u & ~(1u << (other - 1)));
	sync_services(services);
	cr_expect_eq(exchange(fd, &udp, sizeof udp), chosen, "also when another one leaves");
	put_slice(services, 1u << (other - 1));
	sync_services(services);
	cr_expect_eq(exchange(fd, &udp, sizeof udp), other, "but not when its own does");
	for (int i = 0; i < 50; i++)
		cr_expect_eq(request(&tcp, sizeof tcp), other);

	rk_services_put(services, RK_SPAN("default"), RK_SPAN("web"), NULL);
	sync_services(services);
	cr_expect_lt(request(&tcp, sizeof tcp), 0);
	cr_expect_neq(request(&tcp, sizeof tcp), -ECONNREFUSED,
		      "an address of nobody is routed as it is");
	rk_services_destroy(services);
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	test_place_leave(&place);
}

Test(datapath, a_client_keeps_its_endpoint, .timeout = 60)
{
	const struct sockaddr_in tcp = ipv4(VIP, 80);
	struct test_place place;

	if (!test_place_enter(&place, "datapath.a_client_keeps_its_endpoint"))
		return;
	const pid_t server = serve();
	struct rk_services *services = open_services(&place);
	put_service(services, "sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: "
			      "{timeoutSeconds: 1}},");
	put_slice(services, 7);
	sync_services(services);
	const int chosen = request(&tcp, sizeof tcp);
	cr_assert(chosen >= 1 && chosen <= BACKENDS, "%d", chosen);
	for (int i = 0; i < 100; i++)
		cr_expect_eq(request(&tcp, sizeof tcp), chosen);
	put_slice(services, 7u & ~(1u << (chosen - 1)));
	sync_services(services);
	const int next = request(&tcp, sizeof tcp);
	cr_expect_neq(next, chosen);
	put_slice(services, 7);
	sync_services(services);
	for (int i = 0; i < 100; i++)
		cr_expect_eq(request(&tcp, sizeof tcp), next,
			     "its first one's return is of no matter");
	/* Each time that the second passes is a new choice: ten of them fall on one endpoint once
	 * in 3^9. */
	bool has_moved = false;
	for (int i = 0; i < 10 && !has_moved; i++) {
		(void)usleep(2100000);
		has_moved = request(&tcp, sizeof tcp) != next;
	}
	cr_expect(has_moved);
	rk_services_destroy(services);
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	test_place_leave(&place);
}

/* Connects until told to stop; ends with the number of failures, at most 100. */
static pid_t keep_connecting(int *ret_stop)
{
	const struct sockaddr_in tcp = ipv4(VIP, 80);
	int stop[2];

	cr_assert_eq(pipe(stop), 0);
	const pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		struct pollfd end = { .fd = stop[0], .events = POLLIN };
		int failures = 0, count = 0;
		(void)close(stop[1]);
		while (failures < 100 && poll(&end, 1, 0) == 0) {
			failures += request(&tcp, sizeof tcp) <= 0;
			count++;
		}
		_exit(count < 100 ? 101 : failures);
	}
	(void)close(stop[0]);
	*ret_stop = stop[1];
	return pid;
}

Test(datapath, restarts_lose_no_connect, .timeout = 60)
{
	struct test_place place;
	int stop, status = -1;

	if (!test_place_enter(&place, "datapath.restarts_lose_no_connect"))
		return;
	const pid_t server = serve();
	struct rk_services *services = open_services(&place);
	put_service(services, "");
	put_slice(services, 7);
	sync_services(services);
	const pid_t client = keep_connecting(&stop);
	for (unsigned i = 0; i < 8; i++) {
		services = rk_services_close(services);
		(void)usleep(20000);
		services = open_services(&place);
		sync_services(services);
		put_service(services, i % 2 == 0 ? "" : "internalTrafficPolicy: Cluster,");
		sync_services(services);
		put_slice(services, 7);
		sync_services(services);
		rk_services_settle(services);
		sync_services(services);
		put_slice(services, 1 + i % 7);
		sync_services(services);
		put_slice(services, 7);
		sync_services(services);
	}
	(void)close(stop);
	cr_assert_eq(waitpid(client, &status, 0), client);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
	rk_services_destroy(services);
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	test_place_leave(&place);
}

Test(datapath, bad_places_are_refused)
{
	struct rk_services *services = NULL;
	struct rk_error error = { 0 };
	struct test_place place;

	if (!test_place_enter(&place, "datapath.bad_places_are_refused"))
		return;
	const struct rk_services_opts no_cgroup = { "/tmp", place.pin, "node-1" };
	cr_expect_eq(rk_services_open(&services, &no_cgroup, &error), RK_EINVAL, "%s", error.text);
	const struct rk_services_opts no_bpf = { place.cgroup, "/tmp", "node-1" };
	cr_expect_eq(rk_services_open(&services, &no_bpf, &error), RK_EINVAL, "%s", error.text);
	test_place_leave(&place);
}
