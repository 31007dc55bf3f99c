/* ask ADDRESS PORT COUNT PATH: asks an HTTP server COUNT times, each on a connection of its own, and prints how often each
 * answer came. ask -u ADDRESS PORT COUNT: the same with datagrams. Static and small, to run in a pod. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWERS_MAX = 64, TEXT_MAX = 128 };

static struct {
	char text[TEXT_MAX];
	unsigned long count;
} answers[ANSWERS_MAX];

static void count(const char *text)
{
	for (int i = 0; i < ANSWERS_MAX; i++) {
		if (answers[i].count == 0)
			(void)snprintf(answers[i].text, sizeof answers[i].text, "%s", text);
		if (strcmp(answers[i].text, text) == 0) {
			answers[i].count++;
			return;
		}
	}
}

static int open_to(const struct sockaddr_in *to, bool is_udp)
{
	const struct timeval limit = { 5, 0 };
	const int fd = socket(AF_INET, is_udp ? SOCK_DGRAM : SOCK_STREAM, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void ask(const struct sockaddr_in *to, bool is_udp, const char *path)
{
	char request[256], answer[2048] = { 0 };
	size_t got = 0;
	ssize_t more;
	const int fd = open_to(to, is_udp);

	if (fd < 0) {
		count("(no connection)");
		return;
	}
	const int size = snprintf(request, sizeof request, is_udp ? "who\n" : "GET %s HTTP/1.0\r\n\r\n", path);
	if (write(fd, request, (size_t)size) != size)
		count("(not sent)");
	while (got < sizeof answer - 1 && (more = read(fd, answer + got, sizeof answer - 1 - got)) > 0) {
		got += (size_t)more;
		if (is_udp)
			break;
	}
	(void)close(fd);
	char *body = is_udp ? answer : strstr(answer, "\r\n\r\n");
	if (body == NULL || got == 0) {
		count("(no answer)");
		return;
	}
	body += is_udp ? 0 : 4;
	body[strcspn(body, "\r\n")] = '\0';
	count(body);
}

int main(int argc, char **argv)
{
	const bool is_udp = argc > 1 && strcmp(argv[1], "-u") == 0;
	struct sockaddr_in to = { .sin_family = AF_INET };

	argc -= is_udp;
	argv += is_udp;
	if (argc < 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		(void)fprintf(stderr, "usage: ask [-u] ADDRESS PORT COUNT [PATH]\n");
		return 2;
	}
	to.sin_port = htons((unsigned short)strtoul(argv[2], NULL, 10));
	for (unsigned long i = strtoul(argv[3], NULL, 10); i > 0; i--)
		ask(&to, is_udp, argc > 4 ? argv[4] : "/");
	for (int i = 0; i < ANSWERS_MAX && answers[i].count > 0; i++)
		(void)printf("%lu %s\n", answers[i].count, answers[i].text);
	return 0;
}
