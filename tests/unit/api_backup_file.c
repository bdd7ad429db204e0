#include "api/backup_file.h"

#include "test.h"

static const struct backup_file sample = {
	.cluster_id = "b0bjxgmw2yzi3cnd4hkr8qf1t",
	.node_id = "wsy0b04xs4vmo2khae0m72qbf",
	.index = 1234,
	.term = 5,
	.created = "2026-11-22T22:22:22Z",
	.content = { "state\nwith \0 bytes", 18 },
};

static struct str written(struct buf *out)
{
	*out = BUF_MAX(4096);
	CHECK(backup_file_write(&sample, out));
	return buf_str(out);
}

TEST(what_is_written_is_read)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf out;
	struct backup_file b;
	struct err e;

	CHECK(backup_file_read(written(&out), &a, &b, &e));
	CHECK_STR(b.cluster_id, sample.cluster_id);
	CHECK_STR(b.node_id, sample.node_id);
	CHECK_STR(b.created, sample.created);
	CHECK_INT(b.index, 1234);
	CHECK_INT(b.term, 5);
	CHECK(str_equal(b.content, sample.content));
}

TEST(a_file_that_ends_early_is_refused_wherever_it_ends)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf out;
	struct str whole = written(&out);
	struct backup_file b;
	struct err e;

	for (size_t len = 0; len < whole.len; len++)
		CHECK(!backup_file_read(str_bytes(whole.ptr, len), &a, &b, &e));
}

TEST(a_file_with_another_bit_is_refused_wherever_it_is)
{
	AUTO_ARENA struct arena a = { 0 };
	AUTO_BUF struct buf out;
	struct str whole = written(&out);
	struct backup_file b;
	struct err e;

	for (size_t i = 0; i < whole.len * 8; i++) {
		out.data[i / 8] ^= (char)(1 << i % 8);
		CHECK(!backup_file_read(whole, &a, &b, &e));
		out.data[i / 8] ^= (char)(1 << i % 8);
	}
	CHECK(backup_file_read(whole, &a, &b, &e));
}

TEST(a_file_that_is_too_large_is_not_written)
{
	AUTO_BUF struct buf small = BUF_MAX(100);

	CHECK(!backup_file_write(&sample, &small));
}

TEST_MAIN()
