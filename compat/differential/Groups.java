import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;

/** Classic groups and their offsets: the same members do the same, one step after the other, in every version. */
final class Groups {
	private static final Pattern MEMBER = Pattern.compile("(differential|instance-[a-z]+)-[0-9a-f]{8}-[0-9a-f-]{27}");
	private final String host;
	private final int port;
	private final Wire.Names names;
	private final ObjectMapper mapper = new ObjectMapper();
	private Wire wire;
	private Uuid topicId;

	Groups(String host, int port, Wire.Names names) throws IOException {
		this.host = host;
		this.port = port;
		this.names = names;
		wire = new Wire(host, port);
	}

	private String text(ApiKeys api, ApiMessage answer, short version) throws IOException {
		Matcher m = MEMBER.matcher(Wire.json(api, false, answer, version).toString());
		String named = m.replaceAll(r -> names.name("member", r.group()).replaceAll("[<>]", "_"));
		JsonNode json = mapper.readTree(named);
		if (api == ApiKeys.OFFSET_FETCH)
			sortPartitions(json);
		return names.normal("", json).toString();
	}

	/** All offsets of a group come in the order of a hash table. */
	private static void sortPartitions(JsonNode node) {
		for (JsonNode child : node)
			sortPartitions(child);
		if (node.get("partitions") instanceof ArrayNode array) {
			List<JsonNode> members = new ArrayList<>();
			array.forEach(members::add);
			members.sort(Comparator.comparingInt(n -> n.get("partitionIndex").asInt()));
			array.removeAll().addAll(members);
		}
	}

	private void print(String what, ApiKeys api, int version, ApiMessage answer) throws IOException {
		System.out.println(what + " | " + api.name + " v" + version + " => " + (answer == null ? "closed" : text(api, answer, (short) version)));
	}

	private ApiMessage ask(ApiKeys api, int version, ApiMessage body) throws IOException {
		ApiMessage answer = wire.call(api, (short) version, body, "differential");
		if (answer == null) {
			wire.close();
			wire = new Wire(host, port);
		}
		return answer;
	}

	private ApiMessage say(String what, ApiKeys api, int version, ApiMessage body) throws IOException {
		try {
			ApiMessage answer = ask(api, version, body);
			print(what, api, version, answer);
			return answer;
		} catch (UnsupportedVersionException e) {
			return null; // this version cannot say it
		}
	}

	private void each(String what, ApiKeys api, IntFunction<ApiMessage> body) throws IOException {
		for (int v = api.oldestVersion(); v <= api.latestVersion(false); v++)
			say(what, api, v, body.apply(v));
	}

	/** A member on a connection of its own, whose JoinGroup and SyncGroup may wait. */
	private final class Member {
		final Wire own = new Wire(host, port);
		final String name;
		String id = "";
		String instance;
		String protocol = "range";
		int generation = -1;

		Member(String name) throws IOException {
			this.name = name;
		}

		void send(ApiKeys api, int version, ApiMessage body) throws IOException {
			own.send(api, (short) version, body, "differential");
		}

		ApiMessage receive(String what, ApiKeys api, int version) throws IOException {
			ByteBuffer frame = own.receive();
			new ResponseHeaderData(new ByteBufferAccessor(frame), api.responseHeaderVersion((short) version));
			ApiMessage answer = api.messageType.newResponse();
			answer.read(new ByteBufferAccessor(frame), (short) version);
			print(name + " " + what, api, version, answer);
			if (answer instanceof JoinGroupResponseData j) {
				id = j.memberId().isEmpty() ? id : j.memberId();
				generation = j.generationId();
				protocol = j.protocolName();
			}
			return answer;
		}

		ApiMessage call(String what, ApiKeys api, int version, ApiMessage body) throws IOException {
			send(api, version, body);
			return receive(what, api, version);
		}

		JoinGroupRequestData join(String group, String... protocols) {
			JoinGroupRequestData r = new JoinGroupRequestData().setGroupId(group).setSessionTimeoutMs(30000).setRebalanceTimeoutMs(20000)
				.setMemberId(id).setGroupInstanceId(instance).setProtocolType("consumer");
			for (String p : protocols)
				r.protocols().add(new JoinGroupRequestData.JoinGroupRequestProtocol().setName(p).setMetadata(("meta of " + name + " " + p).getBytes()));
			return r;
		}

		SyncGroupRequestData sync(String group, int version, Member... all) {
			SyncGroupRequestData r = new SyncGroupRequestData().setGroupId(group).setGenerationId(generation).setMemberId(id).setGroupInstanceId(instance);
			if (version >= 5)
				r.setProtocolType("consumer").setProtocolName(protocol);
			for (Member m : all)
				r.assignments().add(new SyncGroupRequestData.SyncGroupRequestAssignment().setMemberId(m.id).setAssignment(("part of " + m.name).getBytes()));
			return r;
		}

		HeartbeatRequestData heartbeat(String group) {
			return new HeartbeatRequestData().setGroupId(group).setGenerationId(generation).setMemberId(id).setGroupInstanceId(instance);
		}

		OffsetCommitRequestData commit(String group, int version, long offset) {
			return offsets(group, version, offset, "note").setGenerationIdOrMemberEpoch(generation).setMemberId(id).setGroupInstanceId(instance);
		}

		/** Into the group: where an id is given first, with it. */
		void enter(String group, int version, String... protocols) throws IOException {
			JoinGroupResponseData j = (JoinGroupResponseData) call("joins", ApiKeys.JOIN_GROUP, version, join(group, protocols));
			if (j.errorCode() == 79)
				call("joins with the id", ApiKeys.JOIN_GROUP, version, join(group, protocols));
		}
	}

	// ---- requests ----

	private OffsetCommitRequestData offsets(String group, int version, long offset, String note, int... partitions) {
		OffsetCommitRequestData.OffsetCommitRequestTopic t = new OffsetCommitRequestData.OffsetCommitRequestTopic();
		if (version >= 10)
			t.setTopicId(topicId);
		else
			t.setName("g-topic");
		for (int p : partitions.length == 0 ? new int[] {0} : partitions)
			t.partitions().add(new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(p).setCommittedOffset(offset)
				.setCommittedLeaderEpoch(version >= 6 ? 3 : -1).setCommittedMetadata(note));
		List<OffsetCommitRequestData.OffsetCommitRequestTopic> topics = new ArrayList<>();
		topics.add(t);
		return new OffsetCommitRequestData().setGroupId(group).setTopics(topics);
	}

	private OffsetFetchRequestData fetch(int version, boolean all, boolean stable, String... groups) {
		OffsetFetchRequestData r = new OffsetFetchRequestData().setRequireStable(stable && version >= 7);
		if (version < 8) {
			r.setGroupId(groups[0]);
			r.setTopics(all ? null : List.of(new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("g-topic").setPartitionIndexes(List.of(0, 1, 7)),
				new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("nothing").setPartitionIndexes(List.of(0))));
			return r;
		}
		for (String group : groups) {
			OffsetFetchRequestData.OffsetFetchRequestGroup g = new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId(group).setTopics(null);
			if (!all)
				g.setTopics(List.of(topic(version, "g-topic", topicId, 0, 1, 7), topic(version, "nothing", new Uuid(8, 8), 0)));
			r.groups().add(g);
		}
		return r;
	}

	private static OffsetFetchRequestData.OffsetFetchRequestTopics topic(int version, String name, Uuid id, Integer... partitions) {
		OffsetFetchRequestData.OffsetFetchRequestTopics t = new OffsetFetchRequestData.OffsetFetchRequestTopics().setPartitionIndexes(Arrays.asList(partitions));
		return version >= 10 ? t.setTopicId(id) : t.setName(name);
	}

	private static OffsetDeleteRequestData delete(String group, String... topics) {
		OffsetDeleteRequestData r = new OffsetDeleteRequestData().setGroupId(group);
		for (String t : topics) {
			OffsetDeleteRequestData.OffsetDeleteRequestTopic topic = new OffsetDeleteRequestData.OffsetDeleteRequestTopic().setName(t);
			topic.partitions().add(new OffsetDeleteRequestData.OffsetDeleteRequestPartition().setPartitionIndex(0));
			topic.partitions().add(new OffsetDeleteRequestData.OffsetDeleteRequestPartition().setPartitionIndex(9));
			r.topics().add(topic);
		}
		return r;
	}

	private static LeaveGroupRequestData leave(String group, int version, String id, String instance) {
		LeaveGroupRequestData r = new LeaveGroupRequestData().setGroupId(group);
		if (version < 3)
			return r.setMemberId(id);
		r.members().add(new LeaveGroupRequestData.MemberIdentity().setMemberId(id).setGroupInstanceId(instance));
		return r;
	}

	private void look(String what, String... groups) throws IOException {
		each(what, ApiKeys.DESCRIBE_GROUPS, v -> new DescribeGroupsRequestData().setGroups(Arrays.asList(groups)).setIncludeAuthorizedOperations(v >= 3));
		each(what, ApiKeys.LIST_GROUPS, v -> new ListGroupsRequestData());
	}

	// ---- the coordinator ----

	private void find() throws IOException {
		long end = System.nanoTime() + 30_000_000_000L;
		for (;;) {
			FindCoordinatorResponseData f = (FindCoordinatorResponseData) ask(ApiKeys.FIND_COORDINATOR, 4,
				new FindCoordinatorRequestData().setCoordinatorKeys(List.of("g")));
			if (f.coordinators().get(0).errorCode() == 0)
				break;
			if (System.nanoTime() > end)
				throw new IOException("no coordinator");
		}
		each("a group", ApiKeys.FIND_COORDINATOR, v -> v < 4 ? new FindCoordinatorRequestData().setKey("g")
			: new FindCoordinatorRequestData().setCoordinatorKeys(List.of("g", "", "h")));
		say("no such type", ApiKeys.FIND_COORDINATOR, 6, new FindCoordinatorRequestData().setKeyType((byte) 9).setCoordinatorKeys(List.of("g")));
		/* Every partition's coordinator has loaded. */
		for (int i = 0; i < 400; i++)
			for (;;) {
				OffsetFetchResponseData f = (OffsetFetchResponseData) ask(ApiKeys.OFFSET_FETCH, 7, fetch(7, true, false, "load-" + i));
				if (f.errorCode() == 0)
					break;
				if (System.nanoTime() > end)
					throw new IOException("coordinators do not load");
			}
	}

	private void makeTopic() throws IOException {
		CreateTopicsRequestData.CreatableTopicCollection list = new CreateTopicsRequestData.CreatableTopicCollection();
		list.add(new CreateTopicsRequestData.CreatableTopic().setName("g-topic").setNumPartitions(3).setReplicationFactor((short) 1));
		CreateTopicsResponseData made = (CreateTopicsResponseData) ask(ApiKeys.CREATE_TOPICS, 7, new CreateTopicsRequestData().setTimeoutMs(10000).setTopics(list));
		topicId = made.topics().find("g-topic").topicId();
		for (;;) {
			MetadataRequestData r = new MetadataRequestData().setAllowAutoTopicCreation(false).setTopics(List.of(new MetadataRequestData.MetadataRequestTopic().setName("g-topic")));
			MetadataResponseData m = (MetadataResponseData) ask(ApiKeys.METADATA, 12, r);
			if (m.topics().find("g-topic").partitions().size() == 3)
				return;
		}
	}

	// ---- scenes ----

	private void strangers() throws IOException {
		JoinGroupRequestData.JoinGroupRequestProtocol range = new JoinGroupRequestData.JoinGroupRequestProtocol().setName("range").setMetadata(new byte[] {1});
		for (Object[] c : new Object[][] {{"no group", "", 30000, "", "consumer", 1}, {"short session", "s", 10, "", "consumer", 1},
			{"long session", "s", 2000000, "", "consumer", 1}, {"unknown member", "s", 30000, "nobody", "consumer", 1},
			{"no protocol type", "s", 30000, "", "", 1}, {"no protocols", "s", 30000, "", "consumer", 0}})
			each((String) c[0], ApiKeys.JOIN_GROUP, v -> {
				JoinGroupRequestData r = new JoinGroupRequestData().setGroupId((String) c[1]).setSessionTimeoutMs((Integer) c[2]).setRebalanceTimeoutMs(20000)
					.setMemberId((String) c[3]).setProtocolType((String) c[4]);
				if ((Integer) c[5] > 0)
					r.protocols().add(range.duplicate());
				return r;
			});
		for (String group : List.of("", "stranger")) {
			each("group '" + group + "'", ApiKeys.SYNC_GROUP, v -> new SyncGroupRequestData().setGroupId(group).setGenerationId(1).setMemberId("m")
				.setProtocolType(v >= 5 ? "consumer" : null).setProtocolName(v >= 5 ? "range" : null));
			each("group '" + group + "'", ApiKeys.HEARTBEAT, v -> new HeartbeatRequestData().setGroupId(group).setGenerationId(1).setMemberId("m"));
			each("group '" + group + "'", ApiKeys.LEAVE_GROUP, v -> leave(group, v, "m", null));
			each("group '" + group + "', nothing", ApiKeys.OFFSET_FETCH, v -> fetch(v, false, false, group));
			each("group '" + group + "', all", ApiKeys.OFFSET_FETCH, v -> v < 2 ? fetch(v, false, false, group) : fetch(v, true, true, group));
			each("group '" + group + "'", ApiKeys.DELETE_GROUPS, v -> new DeleteGroupsRequestData().setGroupsNames(List.of(group, group)));
			each("group '" + group + "'", ApiKeys.OFFSET_DELETE, v -> delete(group, "g-topic", "nothing"));
			each("group '" + group + "', a generation", ApiKeys.OFFSET_COMMIT, v -> offsets(group, v, 5, "n").setGenerationIdOrMemberEpoch(3).setMemberId("m"));
		}
		say("no protocol", ApiKeys.SYNC_GROUP, 5, new SyncGroupRequestData().setGroupId("s").setGenerationId(1).setMemberId("m"));
		look("strangers", "stranger", "s", "");
	}

	private void simple() throws IOException {
		each("simple", ApiKeys.OFFSET_COMMIT, v -> offsets("simple", v, 100 + v, "note " + v, 0, 1));
		each("simple, some not there", ApiKeys.OFFSET_COMMIT, v -> {
			OffsetCommitRequestData r = offsets("simple", v, 200 + v, null, 0, 7, 2);
			OffsetCommitRequestData.OffsetCommitRequestTopic t = new OffsetCommitRequestData.OffsetCommitRequestTopic().setName(v < 10 ? "nothing" : "");
			if (v >= 10)
				t.setTopicId(new Uuid(5, 5));
			t.partitions().add(new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(1));
			r.topics().add(t);
			return r;
		});
		each("simple, a partition twice", ApiKeys.OFFSET_COMMIT, v -> offsets("simple", v, 300 + v, "", 0, 0));
		each("simple, a long note", ApiKeys.OFFSET_COMMIT, v -> offsets("simple", v, 5, "x".repeat(4097)));
		each("simple, the longest note", ApiKeys.OFFSET_COMMIT, v -> offsets("simple", v, 5, "ü".repeat(4096), 1));
		each("nothing committed", ApiKeys.OFFSET_COMMIT, v -> new OffsetCommitRequestData().setGroupId("simple"));
		each("a member that is none", ApiKeys.OFFSET_COMMIT, v -> offsets("simple", v, 5, "").setMemberId("m"));
		each("a generation that is none", ApiKeys.OFFSET_COMMIT, v -> offsets("simple", v, 5, "").setMemberId("m").setGenerationIdOrMemberEpoch(1));
		each("no group id", ApiKeys.OFFSET_COMMIT, v -> offsets("", v, 77, "anonymous"));
		for (int v = 2; v <= 4; v++)
			say("a retention", ApiKeys.OFFSET_COMMIT, v, offsets("retained", v, 9, "").setRetentionTimeMs(3600000));
		each("simple", ApiKeys.OFFSET_FETCH, v -> fetch(v, false, false, "simple", "stranger"));
		each("simple, stable", ApiKeys.OFFSET_FETCH, v -> fetch(v, false, true, "simple", "retained"));
		for (int v = 2; v <= 10; v++)
			say("simple, all", ApiKeys.OFFSET_FETCH, v, fetch(v, true, false, "simple", "", "retained"));
		look("simple", "simple", "retained");
		for (int v = 4; v <= 5; v++) {
			say("listed by state", ApiKeys.LIST_GROUPS, v, new ListGroupsRequestData().setStatesFilter(List.of("eMPTY ", "Dead")));
			say("listed by another state", ApiKeys.LIST_GROUPS, v, new ListGroupsRequestData().setStatesFilter(List.of("Stable")));
		}
		say("listed by type", ApiKeys.LIST_GROUPS, 5, new ListGroupsRequestData().setTypesFilter(List.of("CLASSIC")));
		say("listed by another type", ApiKeys.LIST_GROUPS, 5, new ListGroupsRequestData().setTypesFilter(List.of("share", "what")));
		each("of simple", ApiKeys.OFFSET_DELETE, v -> delete("simple", "g-topic", "nothing"));
		each("after the deletion", ApiKeys.OFFSET_FETCH, v -> fetch(v, false, false, "simple"));
		each("simple", ApiKeys.DELETE_GROUPS, v -> new DeleteGroupsRequestData().setGroupsNames(List.of("simple", "retained", "stranger")));
		each("deleted", ApiKeys.OFFSET_FETCH, v -> fetch(v, false, false, "simple"));
	}

	/** One member, in every version of JoinGroup. */
	private void alone() throws IOException {
		for (int v = ApiKeys.JOIN_GROUP.oldestVersion(); v <= ApiKeys.JOIN_GROUP.latestVersion(); v++) {
			String group = "alone-" + v;
			int sync = Math.min(v, 5), beat = Math.min(v, 4), commit = Math.max(2, v + 1);
			Member m = new Member("a" + v);
			m.enter(group, v, "range", "roundrobin");
			look("completing", group);
			m.call("commits too early", ApiKeys.OFFSET_COMMIT, commit, m.commit(group, commit, 1));
			m.call("beats", ApiKeys.HEARTBEAT, beat, m.heartbeat(group));
			m.call("syncs", ApiKeys.SYNC_GROUP, sync, m.sync(group, sync, m));
			m.call("syncs again", ApiKeys.SYNC_GROUP, sync, m.sync(group, sync));
			m.call("beats", ApiKeys.HEARTBEAT, beat, m.heartbeat(group));
			m.call("commits", ApiKeys.OFFSET_COMMIT, commit, m.commit(group, commit, 42));
			look("stable", group);
			m.generation++;
			m.call("beats in the future", ApiKeys.HEARTBEAT, beat, m.heartbeat(group));
			m.call("syncs in the future", ApiKeys.SYNC_GROUP, sync, m.sync(group, sync));
			m.call("commits in the future", ApiKeys.OFFSET_COMMIT, commit, m.commit(group, commit, 43));
			m.generation--;
			if (v >= 5)
				m.call("syncs with another protocol", ApiKeys.SYNC_GROUP, 5, m.sync(group, 5).setProtocolName("sticky"));
			m.call("joins with another type", ApiKeys.JOIN_GROUP, v, m.join(group, "range").setProtocolType("connect"));
			m.call("joins with another protocol", ApiKeys.JOIN_GROUP, v, m.join(group, "sticky"));
			say("a stranger commits", ApiKeys.OFFSET_COMMIT, commit, offsets(group, commit, 5, ""));
			say("deleted while stable", ApiKeys.DELETE_GROUPS, 2, new DeleteGroupsRequestData().setGroupsNames(List.of(group)));
			say("offsets deleted while stable", ApiKeys.OFFSET_DELETE, 0, delete(group, "g-topic"));
			m.call("joins again", ApiKeys.JOIN_GROUP, v, m.join(group, "range", "roundrobin"));
			m.call("beats", ApiKeys.HEARTBEAT, beat, m.heartbeat(group));
			m.call("syncs", ApiKeys.SYNC_GROUP, sync, m.sync(group, sync));
			int leave = Math.min(v, 5);
			say("a stranger leaves", ApiKeys.LEAVE_GROUP, leave, leave(group, leave, "nobody", null));
			say("leaves", ApiKeys.LEAVE_GROUP, leave, leave(group, leave, m.id, null));
			say("leaves again", ApiKeys.LEAVE_GROUP, leave, leave(group, leave, m.id, null));
			m.call("beats", ApiKeys.HEARTBEAT, beat, m.heartbeat(group));
			m.call("syncs", ApiKeys.SYNC_GROUP, sync, m.sync(group, sync));
			look("empty", group);
			say("what is left", ApiKeys.OFFSET_FETCH, 9, fetch(9, false, false, group));
			say("deleted", ApiKeys.DELETE_GROUPS, 2, new DeleteGroupsRequestData().setGroupsNames(List.of(group)));
			m.own.close();
		}
	}

	/** Two members: a rebalance, step by step. */
	private void pair() throws IOException {
		for (int v : new int[] {1, 3, 5, 7, 9}) {
			String group = "pair-" + v;
			int sync = Math.min(v, 5), beat = Math.min(v, 4);
			Member a = new Member("first" + v), b = new Member("second" + v);
			a.enter(group, v, "range", "sticky");
			a.call("syncs", ApiKeys.SYNC_GROUP, sync, a.sync(group, sync, a));
			if (v >= 4)
				b.call("asks for an id", ApiKeys.JOIN_GROUP, v, b.join(group, "sticky", "range"));
			b.send(ApiKeys.JOIN_GROUP, v, b.join(group, "sticky", "range"));
			/* Until the second has begun to wait, the first's heartbeats are fine. */
			while (((HeartbeatResponseData) ask(ApiKeys.HEARTBEAT, beat, a.heartbeat(group))).errorCode() == 0)
				Thread.onSpinWait();
			a.call("is told", ApiKeys.HEARTBEAT, beat, a.heartbeat(group));
			a.call("syncs meanwhile", ApiKeys.SYNC_GROUP, sync, a.sync(group, sync));
			a.call("commits meanwhile", ApiKeys.OFFSET_COMMIT, 8, a.commit(group, 8, 6));
			look("preparing", group);
			a.send(ApiKeys.JOIN_GROUP, v, a.join(group, "range", "sticky"));
			a.receive("has joined", ApiKeys.JOIN_GROUP, v);
			b.receive("has joined", ApiKeys.JOIN_GROUP, v);
			b.send(ApiKeys.SYNC_GROUP, sync, b.sync(group, sync));
			a.send(ApiKeys.SYNC_GROUP, sync, a.sync(group, sync, a, b));
			a.receive("has synced", ApiKeys.SYNC_GROUP, sync);
			b.receive("has synced", ApiKeys.SYNC_GROUP, sync);
			look("both", group);
			b.call("follower joins the same", ApiKeys.JOIN_GROUP, v, b.join(group, "sticky", "range"));
			a.own.close();
			say("the leader leaves", ApiKeys.LEAVE_GROUP, Math.min(v, 5), leave(group, Math.min(v, 5), a.id, null));
			b.call("is told", ApiKeys.HEARTBEAT, beat, b.heartbeat(group));
			b.call("joins alone", ApiKeys.JOIN_GROUP, v, b.join(group, "sticky", "range"));
			b.own.close();
			say("the last leaves", ApiKeys.LEAVE_GROUP, Math.min(v, 5), leave(group, Math.min(v, 5), b.id, null));
			look("nobody", group);
		}
	}

	/** Static members come back under new ids (KIP-345). */
	private void statics() throws IOException {
		for (int v = 5; v <= 9; v++) {
			String group = "static-" + v;
			int sync = Math.min(v, 5);
			Member m = new Member("old" + v), n = new Member("new" + v);
			m.instance = n.instance = "instance-x";
			m.enter(group, v, "range");
			m.call("syncs", ApiKeys.SYNC_GROUP, sync, m.sync(group, sync, m));
			n.call("comes back", ApiKeys.JOIN_GROUP, v, n.join(group, "range"));
			look("replaced", group);
			m.call("is fenced", ApiKeys.HEARTBEAT, 4, m.heartbeat(group));
			m.call("is fenced", ApiKeys.SYNC_GROUP, sync, m.sync(group, sync));
			m.call("is fenced", ApiKeys.JOIN_GROUP, v, m.join(group, "range"));
			m.call("is fenced", ApiKeys.OFFSET_COMMIT, 8, m.commit(group, 8, 6));
			n.call("syncs", ApiKeys.SYNC_GROUP, sync, n.sync(group, sync));
			n.call("beats", ApiKeys.HEARTBEAT, 4, n.heartbeat(group));
			n.call("comes with another protocol", ApiKeys.JOIN_GROUP, v, new Member("x").join(group, "sticky").setGroupInstanceId("instance-x"));
			say("leaves by another instance", ApiKeys.LEAVE_GROUP, 5, leave(group, 5, "", "instance-y"));
			say("leaves by an old id", ApiKeys.LEAVE_GROUP, 5, leave(group, 5, "nobody", "instance-x"));
			say("leaves by its instance", ApiKeys.LEAVE_GROUP, 5, leave(group, 5, "", "instance-x"));
			look("gone", group);
			m.own.close();
			n.own.close();
		}
	}

	void run() throws IOException {
		makeTopic();
		each("before there are any", ApiKeys.LIST_GROUPS, v -> new ListGroupsRequestData());
		find();
		strangers();
		simple();
		alone();
		pair();
		statics();
		wire.close();
	}
}
