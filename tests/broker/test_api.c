/* api: the table of rows. */
#include "broker/api.h"
#include "tests/base/cm.h"

static void every_row_is_found_by_its_key_and_nothing_else_is(void **state)
{
	struct api_table t;

	(void)state;
	api_table_fill(&t);
	for (int key = 0; key < API_KEYS_MAX; key++) {
		const struct api *api = api_find(&t, key);

		assert_true(!api || api->key == key);
	}
	assert_non_null(api_find(&t, 0));
	assert_null(api_find(&t, -1));
	assert_null(api_find(&t, API_KEYS_MAX));
	assert_null(api_find(&t, INT16_MAX));
}

static void versions_are_a_range_and_every_row_can_fail(void **state)
{
	struct api_table t;

	(void)state;
	api_table_fill(&t);
	for (int key = 0; key < API_KEYS_MAX; key++) {
		const struct api *api = api_find(&t, key);

		if (!api)
			continue;
		assert_in_range(api->last, api->first, INT16_MAX);
		assert_true(api->flags & (API_BROKER | API_CONTROLLER));
		assert_non_null(api->in);
		assert_non_null(api->out);
		assert_non_null(api->fail);
	}
}

/*
 * What Apache Kafka 4.4 serves, without share and streams groups and telemetry. Clients choose
 * versions, and conclude features, from these numbers: a lower first version of SaslHandshake or
 * JoinGroup is what some look for, and a version with topic ids needs Metadata 10.
 */
#define BOTH (API_BROKER | API_CONTROLLER)
static const struct {
	int16_t key, first, last;
	uint16_t listeners;
} KAFKAS[] = {
	{0, 3, 13, API_BROKER},	    /* Produce */
	{1, 4, 18, BOTH},	    /* Fetch */
	{2, 1, 11, API_BROKER},	    /* ListOffsets */
	{3, 0, 13, API_BROKER},	    /* Metadata */
	{8, 2, 10, API_BROKER},	    /* OffsetCommit */
	{9, 1, 10, API_BROKER},	    /* OffsetFetch */
	{10, 0, 6, API_BROKER},	    /* FindCoordinator */
	{11, 0, 9, API_BROKER},	    /* JoinGroup */
	{12, 0, 4, API_BROKER},	    /* Heartbeat */
	{13, 0, 5, API_BROKER},	    /* LeaveGroup */
	{14, 0, 5, API_BROKER},	    /* SyncGroup */
	{15, 0, 6, API_BROKER},	    /* DescribeGroups */
	{16, 0, 5, API_BROKER},	    /* ListGroups */
	{17, 0, 1, BOTH},	    /* SaslHandshake */
	{18, 0, 5, BOTH},	    /* ApiVersions */
	{19, 2, 7, BOTH},	    /* CreateTopics */
	{20, 1, 6, BOTH},	    /* DeleteTopics */
	{21, 0, 2, API_BROKER},	    /* DeleteRecords */
	{22, 0, 5, API_BROKER},	    /* InitProducerId */
	{23, 2, 4, API_BROKER},	    /* OffsetForLeaderEpoch */
	{24, 0, 5, API_BROKER},	    /* AddPartitionsToTxn */
	{25, 0, 4, API_BROKER},	    /* AddOffsetsToTxn */
	{26, 0, 5, API_BROKER},	    /* EndTxn */
	{27, 1, 2, API_BROKER},	    /* WriteTxnMarkers */
	{28, 0, 6, API_BROKER},	    /* TxnOffsetCommit */
	{29, 1, 3, BOTH},	    /* DescribeAcls */
	{30, 1, 3, BOTH},	    /* CreateAcls */
	{31, 1, 3, BOTH},	    /* DeleteAcls */
	{32, 1, 4, BOTH},	    /* DescribeConfigs */
	{33, 0, 2, BOTH},	    /* AlterConfigs */
	{34, 1, 2, API_BROKER},	    /* AlterReplicaLogDirs */
	{35, 1, 5, API_BROKER},	    /* DescribeLogDirs */
	{36, 0, 2, BOTH},	    /* SaslAuthenticate */
	{37, 0, 3, BOTH},	    /* CreatePartitions */
	{38, 1, 3, BOTH},	    /* CreateDelegationToken */
	{39, 1, 2, BOTH},	    /* RenewDelegationToken */
	{40, 1, 2, BOTH},	    /* ExpireDelegationToken */
	{41, 1, 3, BOTH},	    /* DescribeDelegationToken */
	{42, 0, 3, API_BROKER},	    /* DeleteGroups */
	{43, 0, 2, BOTH},	    /* ElectLeaders */
	{44, 0, 1, BOTH},	    /* IncrementalAlterConfigs */
	{45, 0, 1, BOTH},	    /* AlterPartitionReassignments */
	{46, 0, 0, BOTH},	    /* ListPartitionReassignments */
	{47, 0, 0, API_BROKER},	    /* OffsetDelete */
	{48, 0, 1, API_BROKER},	    /* DescribeClientQuotas */
	{49, 0, 1, BOTH},	    /* AlterClientQuotas */
	{50, 0, 0, BOTH},	    /* DescribeUserScramCredentials */
	{51, 0, 0, BOTH},	    /* AlterUserScramCredentials */
	{52, 0, 2, API_CONTROLLER}, /* Vote */
	{53, 0, 1, API_CONTROLLER}, /* BeginQuorumEpoch */
	{54, 0, 1, API_CONTROLLER}, /* EndQuorumEpoch */
	{55, 0, 2, BOTH},	    /* DescribeQuorum */
	{56, 2, 3, API_CONTROLLER}, /* AlterPartition */
	{57, 0, 2, BOTH},	    /* UpdateFeatures */
	{58, 0, 0, API_CONTROLLER}, /* Envelope */
	{59, 0, 1, API_CONTROLLER}, /* FetchSnapshot */
	{60, 0, 2, BOTH},	    /* DescribeCluster */
	{61, 0, 0, API_BROKER},	    /* DescribeProducers */
	{62, 0, 4, API_CONTROLLER}, /* BrokerRegistration */
	{63, 0, 2, API_CONTROLLER}, /* BrokerHeartbeat */
	{64, 0, 0, BOTH},	    /* UnregisterBroker */
	{65, 0, 0, API_BROKER},	    /* DescribeTransactions */
	{66, 0, 2, API_BROKER},	    /* ListTransactions */
	{67, 0, 0, API_CONTROLLER}, /* AllocateProducerIds */
	{68, 0, 1, API_BROKER},	    /* ConsumerGroupHeartbeat */
	{69, 0, 1, API_BROKER},	    /* ConsumerGroupDescribe */
	{70, 0, 0, API_CONTROLLER}, /* ControllerRegistration */
	{73, 0, 0, API_CONTROLLER}, /* AssignReplicasToDirs */
	{74, 0, 1, API_BROKER},	    /* ListConfigResources */
	{75, 0, 0, API_BROKER},	    /* DescribeTopicPartitions */
	{80, 0, 1, BOTH},	    /* AddRaftVoter */
	{81, 0, 0, BOTH},	    /* RemoveRaftVoter */
	{82, 0, 0, API_CONTROLLER}, /* UpdateRaftVoter */
	{94, 0, 0, BOTH},	    /* UnregisterController */
};

static void versions_and_listeners_are_those_of_apache_kafka(void **state)
{
	int n = 0;

	(void)state;
	while (api_row(n))
		n++;
	assert_int_equal(n, sizeof(KAFKAS) / sizeof(KAFKAS[0]));
	for (int i = 0; i < n; i++) {
		struct api_table t;
		const struct api *api;

		api_table_fill(&t);
		api = api_find(&t, KAFKAS[i].key);
		if (!api)
			fail_msg("key %d is not served", KAFKAS[i].key);
		if (api->first != KAFKAS[i].first || api->last != KAFKAS[i].last ||
		    (api->flags & BOTH) != KAFKAS[i].listeners)
			fail_msg("key %d is served in versions %d to %d on listeners %d", KAFKAS[i].key, api->first,
				 api->last, api->flags & BOTH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_found_by_its_key_and_nothing_else_is),
		cmocka_unit_test(versions_are_a_range_and_every_row_can_fail),
		cmocka_unit_test(versions_and_listeners_are_those_of_apache_kafka),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
