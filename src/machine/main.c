/* shoal-machine: hosts with an engine, here and elsewhere. `shoal machine` becomes it. */
#include "machine/cli.h"

int main(int argc, char **argv)
{
	return machine_main(argc, argv);
}
