#include "base/list.h"

#include "test.h"

struct item {
	struct list link;
	int value;
};

TEST(a_list_keeps_order_and_lets_the_current_member_go)
{
	struct list l;
	struct item items[4] = { { .value = 1 }, { .value = 2 }, { .value = 3 }, { .value = 4 } },
		    *it;
	int sum = 0;

	list_init(&l);
	CHECK(list_is_empty(&l));
	for (int i = 0; i < 4; i++)
		list_push_back(&l, &items[i].link);
	list_each (&l, struct item, link, it) {
		sum = sum * 10 + it->value;
		if (it->value == 2)
			list_remove(&it->link);
	}
	CHECK_INT(sum, 1234);
	CHECK(list_first(&l, struct item, link)->value == 1);
	list_remove(&items[1].link);
	CHECK(items[0].link.next == &items[2].link);
}

TEST(splice_moves_everything_behind)
{
	struct list a, b;
	struct item x = { .value = 1 }, y = { .value = 2 };

	list_init(&a);
	list_init(&b);
	list_push_back(&a, &x.link);
	list_push_back(&b, &y.link);
	list_splice_back(&a, &b);
	CHECK(list_is_empty(&b));
	CHECK(a.next == &x.link && a.prev == &y.link);
}

TEST_MAIN()
