/* Runs a fuzz target over its corpus: found once, checked with every `make check`, without clang.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 20)

static int run_file(const char *path)
{
	static uint8_t bytes[INPUT_MAX];
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	const size_t size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	uint8_t *exact = malloc(size > 0 ? size : 1); /* so that ASan sees reads behind the end */
	if (exact == NULL)
		return 1;
	memcpy(exact, bytes, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	const char *source = getenv("RK_SOURCE_DIR");
	const char *name = strrchr(argv[0], '-');
	char path[4096];
	int failed = 0, count = 0;

	(void)argc;
	if (source == NULL || name == NULL) {
		fprintf(stderr, "RK_SOURCE_DIR must be set\n");
		return 2;
	}
	(void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", source, name + 1);
	DIR *dir = opendir(path);
	if (dir == NULL) {
		fprintf(stderr, "%s: there is no such corpus\n", path);
		return 2;
	}
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s/%s", source, name + 1,
			       entry->d_name);
		failed += run_file(path);
		count++;
	}
	closedir(dir);
	return failed > 0 || count == 0;
}
