/* The pod network in a namespace of its own, with children as pods. */
#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/podnet_io.h"

static bool can_run(const char *test)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
		return true;
	(void)fprintf(stderr, "SKIPPED %s: needs root (a network namespace of its own)\n", test);
	return false;
}

/* A process with a network namespace of its own, which ends with this one. */
static pid_t make_pod(void)
{
	int ready[2];
	char byte = 0;

	cr_assert_eq(pipe(ready), 0);
	const pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "x", 1) == 1)
			(void)pause();
		_exit(1);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void end_pod(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static size_t count_links(void)
{
	struct if_nameindex *links = if_nameindex();
	size_t count = 0;

	cr_assert_not_null(links);
	while (links[count].if_index != 0)
		count++;
	if_freenameindex(links);
	return count;
}

static int ip(pid_t pid, const char *what)
{
	char command[512];

	(void)snprintf(command, sizeof command, "nsenter --net=/proc/%ld/ns/net sh -c '%s'",
		       (long)pid, what);
	return system(command);
}

static const struct rk_podnet_opts opts = { .bridge = "rktest0", .pod_cidr = "10.244.7.0/24" };

Test(podnet, pods_are_attached_adopted_and_detached, .timeout = 30)
{
	struct rk_podnet *podnet = NULL;
	struct rk_error error = { 0 };
	char first[RK_IP_TEXT_MAX] = "", second[RK_IP_TEXT_MAX] = "10.244.7.77",
	     again[RK_IP_TEXT_MAX] = "";

	if (!can_run("podnet.pods_are_attached_adopted_and_detached"))
		return;
	const size_t before = count_links();
	const pid_t a = make_pod(), b = make_pod();
	cr_assert_eq(rk_podnet_open(&podnet, &opts, &error), 0, "%s", error.text);
	cr_expect_str_eq(rk_podnet_gateway(podnet), "10.244.7.1");
	cr_assert_eq(rk_podnet_attach(podnet, "uid-a", a, first, &error), 0, "%s", error.text);
	cr_expect_str_eq(first, "10.244.7.2");
	cr_assert_eq(rk_podnet_attach(podnet, "uid-b", b, second, &error), 0, "%s", error.text);
	cr_expect_str_eq(second, "10.244.7.77");
	cr_assert_eq(rk_podnet_attach(podnet, "uid-a", a, again, &error), 0, "%s", error.text);
	cr_expect_str_eq(again, first);
	cr_expect_eq(count_links(), before + 3);
	cr_expect_eq(ip(a, "ip -o -4 addr show eth0 | grep -q 10.244.7.2/24"), 0);
	cr_expect_eq(ip(a, "ip route | grep -q \"default via 10.244.7.1\""), 0);
	cr_expect_eq(ip(a, "ip link show lo | grep -q LOOPBACK,UP"), 0);
	cr_expect_eq(ip(getpid(), "bridge -d link | grep -q \"hairpin on\""), 0);

	/* Another life of the agent: the same addresses without being told, and with being told. */
	podnet = rk_podnet_close(podnet);
	cr_assert_eq(rk_podnet_open(&podnet, &opts, &error), 0, "%s", error.text);
	rk_podnet_adopt(podnet, "uid-b", "10.244.7.77");
	again[0] = '\0';
	cr_assert_eq(rk_podnet_attach(podnet, "uid-b", b, again, &error), 0, "%s", error.text);
	cr_expect_str_eq(again, second);
	again[0] = '\0';
	cr_assert_eq(rk_podnet_attach(podnet, "uid-a", a, again, &error), 0, "%s", error.text);
	cr_expect_str_eq(again, first);
	cr_expect_eq(count_links(), before + 3);

	rk_podnet_detach(podnet, "uid-a");
	rk_podnet_detach(podnet, "uid-a");
	cr_expect_eq(count_links(), before + 2);
	end_pod(a);
	rk_podnet_destroy(podnet);
	cr_expect_eq(count_links(), before);
	end_pod(b);
}

Test(podnet, routes_to_other_nodes, .timeout = 30)
{
	struct rk_podnet *podnet = NULL;
	struct rk_error error = { 0 };

	if (!can_run("podnet.routes_to_other_nodes"))
		return;
	cr_assert_eq(rk_podnet_open(&podnet, &opts, &error), 0, "%s", error.text);
	/* With the bridge as the only link, its range is where other nodes are. */
	for (int i = 0; i < 2; i++)
		cr_expect_eq(rk_podnet_route(podnet, "10.244.8.0/24", "10.244.7.200", &error), 0,
			     "%s", error.text);
	cr_expect_eq(ip(getpid(), "ip route | grep -q \"10.244.8.0/24 via 10.244.7.200\""), 0);
	cr_expect_eq(rk_podnet_route(podnet, "10.244.8.0/24", "10.244.7.201", &error), 0, "%s",
		     error.text);
	cr_expect_eq(ip(getpid(), "ip route | grep -q \"10.244.8.0/24 via 10.244.7.201\""), 0);
	cr_expect_eq(rk_podnet_route(podnet, "10.244.9.0/24", "10.244.7.201", &error), 0, "%s",
		     error.text);
	cr_expect_eq(rk_podnet_route(podnet, "10.244.8.0/24", NULL, &error), 0);
	cr_expect_eq(rk_podnet_route(podnet, "10.244.8.0/24", NULL, &error), 0);
	cr_expect_eq(rk_podnet_route(podnet, "10.244.8.1/24", "10.244.7.201", &error), RK_EINVAL);
	cr_expect_eq(rk_podnet_route(podnet, "10.244.8.0/24", "nowhere", &error), RK_EINVAL);
	cr_expect_neq(ip(getpid(), "ip route | grep -q 10.244.8.0"), 0);
	rk_podnet_destroy(podnet);
	cr_expect_neq(ip(getpid(), "ip route | grep -q 10.244"), 0);
}

Test(podnet, a_process_that_is_gone, .timeout = 30)
{
	struct rk_podnet *podnet = NULL;
	struct rk_error error = { 0 };
	char address[RK_IP_TEXT_MAX] = "";

	if (!can_run("podnet.a_process_that_is_gone"))
		return;
	const pid_t pod = make_pod();
	end_pod(pod);
	cr_assert_eq(rk_podnet_open(&podnet, &opts, &error), 0, "%s", error.text);
	cr_expect_eq(rk_podnet_attach(podnet, "uid", pod, address, &error), RK_ENOENT, "%s",
		     error.text);
	rk_podnet_destroy(podnet);
}
