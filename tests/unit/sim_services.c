/* Stories of the whole control plane that were found by the simulator; each names its seed. */
#include "sim/run.h"
#include "test.h"

TEST(a_task_whose_record_was_lost_with_a_full_disk_is_replaced)
{
	struct run_options o = { .managers = 3, .workers = 5 };
	struct run_result r = run_seed(102, &o);

	if (!r.is_good)
		TEST_FAIL("%s", r.failure);
}

TEST_MAIN()
