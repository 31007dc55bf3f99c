/* tests/node/oci_image.h - what the tests that run real containers need: an image of busybox, and
 * whether they can run. */
#ifndef RK_TESTS_NODE_OCI_IMAGE_H
#define RK_TESTS_NODE_OCI_IMAGE_H

#include <stdbool.h>

/* False, with a line that says SKIPPED and why, where real containers cannot run. */
bool test_can_run(const char *test);
/* Writes an OCI layout with one layer (busybox and its links) and the name "example/busybox:1" to
 * `dir`. */
void test_make_image(const char *dir);
/* Runs a program, which must succeed; argv ends with NULL. */
void test_run(const char *const *argv);
/* A fresh directory below /tmp, and its removal with everything mounted in it. */
void test_dir_make(char dir[64]);
void test_dir_remove(const char *dir);

#endif
