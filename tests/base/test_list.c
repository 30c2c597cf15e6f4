#include "base/list.h"

#include "tests/base/cm.h"

struct item {
	int n;
	struct list link;
};

static int sum_in_order(struct list *head)
{
	int sum = 0;

	list_each(it, head) sum = sum * 10 + container_of(it, struct item, link)->n;
	return sum;
}

static void members_stay_in_order_and_can_be_removed_while_walking(void **state)
{
	struct list head;
	struct item items[5] = {{1}, {2}, {3}, {4}, {5}};

	list_init(&head);
	assert_null(list_first(&head));
	for (int i = 0; i < 5; i++)
		list_push(&head, &items[i].link);
	assert_int_equal(sum_in_order(&head), 12345);
	list_each_safe(it, &head) if (container_of(it, struct item, link)->n % 2) list_remove(it);
	assert_int_equal(sum_in_order(&head), 24);
	assert_true(list_empty(&items[0].link));
	list_remove(&items[0].link); /* a second removal does no harm */
	assert_ptr_equal(list_first(&head), &items[1].link);
}

static void a_list_can_be_moved_behind_another(void **state)
{
	struct list a, b;
	struct item items[4] = {{1}, {2}, {3}, {4}};

	list_init(&a);
	list_init(&b);
	list_splice(&a, &b);
	assert_true(list_empty(&a));
	list_push(&a, &items[0].link);
	for (int i = 1; i < 4; i++)
		list_push(&b, &items[i].link);
	list_splice(&a, &b);
	assert_int_equal(sum_in_order(&a), 1234);
	assert_true(list_empty(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_stay_in_order_and_can_be_removed_while_walking),
		cmocka_unit_test(a_list_can_be_moved_behind_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
