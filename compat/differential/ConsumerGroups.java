import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;

/** Consumer groups of KIP-848: the same members do the same, one step after the other; what is refused, and in which words. */
final class ConsumerGroups {
	private final String host;
	private final int port;
	private final Wire.Names names;
	private Wire wire;
	private Uuid topicId;

	ConsumerGroups(String host, int port, Wire.Names names) throws IOException {
		this.host = host;
		this.port = port;
		this.names = names;
		wire = new Wire(host, port);
	}

	private ApiMessage say(String what, ApiKeys api, int version, ApiMessage body) throws IOException {
		try {
			ApiMessage answer = wire.call(api, (short) version, body, "differential");
			System.out.println(what + " | " + api.name + " v" + version + " => "
				+ (answer == null ? "closed" : names.normal("", Wire.json(api, false, answer, (short) version)).toString()));
			if (answer == null) {
				wire.close();
				wire = new Wire(host, port);
			}
			return answer;
		} catch (UnsupportedVersionException e) {
			return null; // this version cannot say it
		}
	}

	private void each(String what, ApiKeys api, IntFunction<ApiMessage> body) throws IOException {
		for (int v = api.oldestVersion(); v <= api.latestVersion(false); v++)
			say(what, api, v, body.apply(v));
	}

	private static ConsumerGroupHeartbeatRequestData beat(String group, String member, int epoch) {
		return new ConsumerGroupHeartbeatRequestData().setGroupId(group).setMemberId(member).setMemberEpoch(epoch);
	}

	private static ConsumerGroupHeartbeatRequestData join(String group, String member, String... topics) {
		return beat(group, member, 0).setRebalanceTimeoutMs(5000).setSubscribedTopicNames(List.of(topics)).setTopicPartitions(List.of());
	}

	private ConsumerGroupHeartbeatRequestData owning(String group, String member, int epoch, Integer... partitions) {
		List<ConsumerGroupHeartbeatRequestData.TopicPartitions> owned = new ArrayList<>();
		if (partitions.length > 0)
			owned.add(new ConsumerGroupHeartbeatRequestData.TopicPartitions().setTopicId(topicId).setPartitions(List.of(partitions)));
		return beat(group, member, epoch).setTopicPartitions(owned);
	}

	private void beats(String what, ConsumerGroupHeartbeatRequestData body) throws IOException {
		say(what, ApiKeys.CONSUMER_GROUP_HEARTBEAT, 1, body);
	}

	private void described(String what, String... groups) throws IOException {
		each(what, ApiKeys.CONSUMER_GROUP_DESCRIBE, v -> new ConsumerGroupDescribeRequestData().setGroupIds(List.of(groups))
			.setIncludeAuthorizedOperations(true));
	}

	void run() throws IOException {
		CreateTopicsRequestData create = new CreateTopicsRequestData();
		create.topics().add(new CreateTopicsRequestData.CreatableTopic().setName("k-topic").setNumPartitions(4).setReplicationFactor((short) 1));
		CreateTopicsResponseData made = (CreateTopicsResponseData) wire.call(ApiKeys.CREATE_TOPICS, (short) 7, create, "differential");
		topicId = made.topics().find("k-topic").topicId();
		names.name("uuid", topicId.toString());
		settle();
		wrong();
		life();
		statics();
		offsets();
	}

	/** Until the brokers know the topic and the coordinator is there. */
	private void settle() throws IOException {
		long end = System.nanoTime() + 30_000_000_000L;
		while (System.nanoTime() < end) {
			ConsumerGroupHeartbeatResponseData r = (ConsumerGroupHeartbeatResponseData) wire.call(ApiKeys.CONSUMER_GROUP_HEARTBEAT, (short) 1,
				join("k-settle", "settler", "k-topic"), "differential");
			if (r.errorCode() == 0 && !r.assignment().topicPartitions().isEmpty())
				return;
			if (r.errorCode() == 0)
				wire.call(ApiKeys.CONSUMER_GROUP_HEARTBEAT, (short) 1, beat("k-settle", "settler", -1), "differential");
		}
		throw new IOException("the coordinator never came");
	}

	private void wrong() throws IOException {
		each("no member id", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("k-wrong", "", "k-topic").setRackId(v == 0 ? " " : null));
		each("no group id", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("", "m", "k-topic"));
		each("blank instance", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("k-wrong", "m", "k-topic").setInstanceId(""));
		each("blank rack", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("k-wrong", "m", "k-topic").setRackId("  "));
		each("no rebalance timeout", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("k-wrong", "m", "k-topic").setRebalanceTimeoutMs(-1));
		each("joins with partitions", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("k-wrong", "m", "k-topic").setTopicPartitions(
			owning("g", "m", 0, 1).topicPartitions()));
		each("joins without saying what it owns", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("k-wrong", "m", "k-topic").setTopicPartitions(null));
		each("no subscription", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("k-wrong", "m").setSubscribedTopicNames(null));
		each("epoch -3", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> beat("k-wrong", "m", -3));
		each("epoch -2 without an instance", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> beat("k-wrong", "m", -2));
		each("leaves without an id", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> beat("k-wrong", "", -1));
		each("unknown assignor", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> join("k-wrong", "m", "k-topic").setServerAssignor("none"));
		each("unknown group", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> beat("k-nothing", "m", 5));
		each("leaves an unknown group", ApiKeys.CONSUMER_GROUP_HEARTBEAT, v -> beat("k-nothing", "m", -1));
		beats("bad pattern", join("k-wrong", "m").setSubscribedTopicRegex("(a"));
		beats("another bad pattern", join("k-wrong", "m").setSubscribedTopicRegex("a**"));
		described("nothing", "k-nothing", "", "k-wrong");
	}

	private void life() throws IOException {
		beats("a joins", join("k", "a", "k-topic"));
		beats("a stays", beat("k", "a", 2));
		beats("a says all", owning("k", "a", 2, 0, 1, 2, 3).setRebalanceTimeoutMs(5000).setSubscribedTopicNames(List.of("k-topic")));
		described("a", "k");
		beats("a with a greater epoch", beat("k", "a", 9));
		beats("a with a smaller epoch", beat("k", "a", 1));
		beats("unknown member", beat("k", "x", 2));
		beats("unknown member leaves", beat("k", "x", -1));
		beats("unknown instance", beat("k", "x", 2).setInstanceId("i"));
		pause();
		beats("b joins", join("k", "b", "k-topic"));
		beats("a is told", beat("k", "a", 2));
		described("a gives back", "k");
		beats("a still has all", owning("k", "a", 2, 0, 1, 2, 3));
		beats("b waits", beat("k", "b", 3));
		beats("a has given back", owning("k", "a", 2, 0, 1));
		beats("b gets", beat("k", "b", 3));
		beats("a with the epoch before", owning("k", "a", 2, 0));
		beats("a with the epoch before and too much", owning("k", "a", 2, 0, 1, 2, 3));
		described("both", "k");
		pause();
		beats("c joins by range", join("k", "c", "k-topic", "k-missing").setServerAssignor("range"));
		described("three", "k");
		beats("a leaves", beat("k", "a", -1));
		beats("b leaves", beat("k", "b", -1));
		beats("c leaves", beat("k", "c", -1));
		described("empty", "k");
		each("listed", ApiKeys.LIST_GROUPS, v -> new ListGroupsRequestData().setStatesFilter(v < 4 ? List.of() : List.of("empty"))
			.setTypesFilter(v < 5 ? List.of() : List.of("consumer")));
		each("described as classic", ApiKeys.DESCRIBE_GROUPS, v -> new DescribeGroupsRequestData().setGroups(List.of("k")));
		say("deleted", ApiKeys.DELETE_GROUPS, 2, new DeleteGroupsRequestData().setGroupsNames(List.of("k", "k-settle")));
		described("gone", "k");
	}

	private void statics() throws IOException {
		beats("s joins", join("ks", "s", "k-topic").setInstanceId("i"));
		beats("s again by another id", join("ks", "s2", "k-topic").setInstanceId("i"));
		beats("another id", beat("ks", "s2", 2).setInstanceId("i"));
		beats("another id leaves", beat("ks", "s2", -1).setInstanceId("i"));
		beats("s steps out", beat("ks", "s", -2).setInstanceId("i"));
		described("out", "ks");
		beats("s2 comes", join("ks", "s2", "k-topic").setInstanceId("i"));
		described("back", "ks");
		beats("s2 leaves", beat("ks", "s2", -1).setInstanceId("i"));
	}

	private OffsetCommitRequestData commit(int version, String member, int epoch) {
		OffsetCommitRequestData.OffsetCommitRequestTopic t = new OffsetCommitRequestData.OffsetCommitRequestTopic();
		if (version >= 10)
			t.setTopicId(topicId);
		else
			t.setName("k-topic");
		t.partitions().add(new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(1));
		t.partitions().add(new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(3).setCommittedOffset(1));
		return new OffsetCommitRequestData().setGroupId("ko").setMemberId(member).setGenerationIdOrMemberEpoch(epoch).setTopics(List.of(t));
	}

	private OffsetFetchRequestData fetch(int version, String member, int epoch) {
		OffsetFetchRequestData r = new OffsetFetchRequestData();
		if (version < 8)
			return r.setGroupId("ko").setTopics(List.of(new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("k-topic")
				.setPartitionIndexes(List.of(0, 3))));
		OffsetFetchRequestData.OffsetFetchRequestTopics t = new OffsetFetchRequestData.OffsetFetchRequestTopics().setPartitionIndexes(List.of(0, 3));
		if (version >= 10)
			t.setTopicId(topicId);
		else
			t.setName("k-topic");
		OffsetFetchRequestData.OffsetFetchRequestGroup g = new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("ko").setTopics(List.of(t));
		if (version >= 9)
			g.setMemberId(member).setMemberEpoch(epoch);
		r.groups().add(g);
		return r;
	}

	private void offsets() throws IOException {
		beats("o joins", join("ko", "o", "k-topic"));
		each("commits", ApiKeys.OFFSET_COMMIT, v -> commit(v, "o", 2));
		each("commits with an epoch to come", ApiKeys.OFFSET_COMMIT, v -> commit(v, "o", 3));
		each("commits with an epoch that is gone", ApiKeys.OFFSET_COMMIT, v -> commit(v, "o", 1));
		each("a stranger commits", ApiKeys.OFFSET_COMMIT, v -> commit(v, "x", 2));
		each("a tool commits", ApiKeys.OFFSET_COMMIT, v -> commit(v, "", -1));
		each("fetches", ApiKeys.OFFSET_FETCH, v -> fetch(v, "o", 2));
		each("fetches with another epoch", ApiKeys.OFFSET_FETCH, v -> fetch(v, "o", 1));
		each("a stranger fetches", ApiKeys.OFFSET_FETCH, v -> fetch(v, "x", 2));
		each("a tool fetches", ApiKeys.OFFSET_FETCH, v -> fetch(v, null, -1));
		pause();
		beats("p joins", join("ko", "p", "k-topic"));
		beats("o is told", beat("ko", "o", 2));
		beats("o gives back", owning("ko", "o", 2, 0, 1));
		each("commits with the epoch before", ApiKeys.OFFSET_COMMIT, v -> commit(v, "o", 2));
		each("a classic member joins", ApiKeys.HEARTBEAT, v -> new HeartbeatRequestData().setGroupId("ko").setMemberId("o").setGenerationId(3));
		say("not empty", ApiKeys.DELETE_GROUPS, 2, new DeleteGroupsRequestData().setGroupsNames(List.of("ko")));
		beats("o leaves", beat("ko", "o", -1));
		beats("p leaves", beat("ko", "p", -1));
		each("a tool commits to the empty group", ApiKeys.OFFSET_COMMIT, v -> commit(v, "", -1));
	}

	/** Longer than the assignment interval, which has no other sign. */
	private static void pause() {
		long end = System.nanoTime() + 1_200_000_000L;
		while (System.nanoTime() < end)
			Thread.onSpinWait();
	}
}
