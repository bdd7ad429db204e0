/* What every fuzz target is: a function of some bytes that must not crash, read outside them,
 * leak, or break an assertion. libFuzzer calls it with inputs it invents; replay.c with the seeds.
 */
#ifndef SHOAL_TESTS_FUZZ_FUZZ_H
#define SHOAL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
