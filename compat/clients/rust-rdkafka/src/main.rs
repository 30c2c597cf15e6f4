// The matrix through rust-rdkafka. What a program of the matrix does, and each feature: compat/README.md; its twin is
// clients/python/features.py.
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::join_all;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::util::Timeout;
use sha2::{Digest, Sha256};

const T0: i64 = 1700000000000; // the timestamp of the first record where timestamps are given

type Result<T> = std::result::Result<T, String>;
type Feature = fn(&Play) -> Result<()>;

struct Play {
    bootstrap: String,
    feature: String,
    topic: String,
}

#[derive(Clone, Default)]
struct Given {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(&'static str, Option<&'static [u8]>)>,
    timestamp: Option<i64>,
}

struct Got {
    partition: i32,
    offset: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    timestamp: rdkafka::Timestamp,
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn digest(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|b| format!("{b:02x}")).collect::<String>()[..16].to_string()
}

fn show(data: &Option<Vec<u8>>) -> String {
    match data {
        None => "null".to_string(),
        Some(d) if d.len() <= 40 => format!("0x{}", d.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        Some(d) => format!("{} bytes {}", d.len(), digest(d)),
    }
}

fn show_record(r: &Got) -> String {
    let headers: Vec<String> = r.headers.iter().map(|(k, v)| format!("{k}={}", show(v))).collect();
    format!("{} key={} value={} headers=[{}]", r.offset, show(&r.key), show(&r.value), headers.join(" "))
}

fn show_all(records: &[Got]) -> String {
    if records.is_empty() {
        return "0 records".to_string();
    }
    let mut text = Vec::new();
    for r in records {
        text.extend(format!("{} ", r.offset).bytes());
        text.extend(r.key.clone().unwrap_or_default());
        text.push(b' ');
        text.extend(r.value.clone().unwrap_or_default());
        text.push(b'\n');
    }
    format!("{} records from {} to {} {}", records.len(), records[0].offset, records[records.len() - 1].offset, digest(&text))
}

fn code(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(c) => format!("{c:?}"),
        None => format!("{error:?}"),
    }
}

fn text<T>(result: std::result::Result<T, KafkaError>) -> Result<T> {
    result.map_err(|e| code(&e))
}

fn fate<T>(result: &Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_string(),
        Err(e) => e.clone(),
    }
}

fn until(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20)); // between two looks
    }
    false
}

fn codec_records() -> Vec<Given> {
    (0..200)
        .map(|i| Given {
            key: Some(i.to_string().into_bytes()),
            value: Some(format!("record {i} {}", "odradek ".repeat(i % 50)).into_bytes()),
            ..Given::default()
        })
        .collect()
}

fn numbers(n: i64) -> Vec<Given> {
    (0..n).map(|i| Given { value: Some(i.to_string().into_bytes()), ..Given::default() }).collect()
}

fn timed(n: i64) -> Vec<Given> {
    numbers(n).into_iter().enumerate().map(|(i, g)| Given { timestamp: Some(T0 + i as i64), ..g }).collect()
}

fn given(key: Option<&[u8]>, value: Option<&[u8]>) -> Given {
    Given { key: key.map(<[u8]>::to_vec), value: value.map(<[u8]>::to_vec), ..Given::default() }
}

fn shapes() -> Vec<Given> {
    vec![
        given(None, Some(b"no key")),
        given(Some(b"no value"), None),
        given(Some(b""), Some(b"")),
        Given {
            headers: vec![("h", Some(b"v")), ("null", None), ("empty", Some(b"")), ("h", Some(b"again"))],
            ..given(Some(b"key"), Some(b"headers"))
        },
        Given { headers: vec![("köpfe", Some("ü".as_bytes()))], ..given(Some("schlüssel-鍵".as_bytes()), Some("Ωδραδέκ 🧵".as_bytes())) },
        given(Some(b"\x00\xff\xfe"), Some(b"\xc3\x28\x00")),
    ]
}

fn large() -> Vec<Given> {
    let value = (0..1048000usize).map(|i| (i * 7 + i / 251) as u8).collect();
    vec![Given { key: Some(b"large".to_vec()), value: Some(value), ..Given::default() }]
}

fn config(bootstrap: &str, more: &[(&str, &str)]) -> ClientConfig {
    let mut c = ClientConfig::new();
    c.set("bootstrap.servers", bootstrap).set("log_level", "0").set("client.id", "matrix");
    for (k, v) in more {
        c.set(*k, *v);
    }
    c
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(Duration::from_secs(60)))
}

impl Play {
    fn say(&self, line: &str) {
        tell(&format!("{}: {}", self.feature, line.replace(&self.topic, "TOPIC").lines().next().unwrap_or("")));
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        config(&self.bootstrap, &[]).create().expect("an admin client")
    }

    fn partitions(&self, topic: &str) -> usize {
        let admin = self.admin();
        match admin.inner().fetch_metadata(Some(topic), Duration::from_secs(60)) {
            Ok(m) => m.topics()[0].partitions().iter().filter(|p| p.leader() >= 0).count(),
            Err(_) => 0,
        }
    }

    fn make(&self, topic: &str, partitions: i32, replicas: i32, key: &str, value: &str) -> Result<()> {
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas));
        if !key.is_empty() {
            new = new.set(key, value);
        }
        let answer = text(block_on(self.admin().create_topics(&[new], &options())))?;
        answer[0].clone().map(|_| ()).map_err(|(_, c)| format!("{c:?}"))
    }

    fn create(&self, topic: &str, partitions: i32, key: &str, value: &str) -> Result<()> {
        self.make(topic, partitions, 1, key, value)?;
        until(|| self.partitions(topic) == partitions as usize);
        Ok(())
    }

    // Writes records; what became of each: its partition or its error.
    fn write(&self, topic: &str, partition: Option<i32>, records: &[Given], more: &[(&str, &str)]) -> Vec<Result<i32>> {
        let mut settings = vec![("message.max.bytes", "4000000"), ("linger.ms", "5"), ("message.timeout.ms", "60000")];
        settings.extend_from_slice(more);
        let producer: FutureProducer = config(&self.bootstrap, &settings).create().expect("a producer");
        let sent: Vec<_> = records
            .iter()
            .map(|r| {
                let mut headers = OwnedHeaders::new();
                for (key, value) in &r.headers {
                    headers = headers.insert(Header { key, value: *value });
                }
                let mut record: FutureRecord<[u8], [u8]> = FutureRecord::to(topic).headers(headers);
                record.key = r.key.as_deref();
                record.payload = r.value.as_deref();
                record.partition = partition;
                record.timestamp = r.timestamp;
                producer.send(record, Timeout::After(Duration::from_secs(60)))
            })
            .collect();
        let told = block_on(join_all(sent)).into_iter().map(|d| d.map(|x| x.partition).map_err(|(e, _)| code(&e))).collect();
        let _ = producer.flush(Timeout::After(Duration::from_secs(60)));
        told
    }

    fn reader(&self, topic: &str, offset: Offset, reset: &str) -> BaseConsumer {
        self.reader_with(topic, offset, &[("auto.offset.reset", reset)])
    }

    fn reader_with(&self, topic: &str, offset: Offset, more: &[(&str, &str)]) -> BaseConsumer {
        let mut settings = vec![("group.id", topic), ("enable.auto.commit", "false"), ("fetch.wait.max.ms", "200")];
        settings.extend_from_slice(more);
        let c: BaseConsumer = config(&self.bootstrap, &settings).create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, offset).expect("an offset");
        c.assign(&list).expect("an assignment");
        c
    }

    fn read_all(&self, n: usize) -> Result<()> {
        let got = read(&self.reader(&self.topic, Offset::Offset(0), "earliest"), n, 10)?;
        if n > 10 {
            self.say(&show_all(&got));
        } else {
            got.iter().for_each(|r| self.say(&show_record(r)));
        }
        Ok(())
    }

    fn write_and_read(&self, records: &[Given], more: &[(&str, &str)]) -> Result<()> {
        self.create(&self.topic, 1, "", "")?;
        let told = self.write(&self.topic, Some(0), records, more);
        self.say(&format!("{} acknowledged", told.iter().filter(|t| t.is_ok()).count()));
        self.read_all(records.len())
    }

    fn subscribed(&self, topic: &str) -> Result<BaseConsumer> {
        let settings = [
            ("group.id", self.topic.as_str()),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("session.timeout.ms", "45000"),
            ("topic.metadata.propagation.max.ms", "0"),
        ];
        let c: BaseConsumer = text(config(&self.bootstrap, &settings).create())?;
        text(c.subscribe(&[topic]))?;
        Ok(c)
    }

    fn joined(&self) -> Result<BaseConsumer> {
        self.subscribed(&self.topic)
    }
}

fn converted(m: &BorrowedMessage) -> Got {
    let headers = match m.headers() {
        Some(all) => (0..all.count()).map(|i| all.get(i)).map(|h| (h.key.to_string(), h.value.map(<[u8]>::to_vec))).collect(),
        None => vec![],
    };
    Got {
        partition: m.partition(),
        offset: m.offset(),
        key: m.key().map(<[u8]>::to_vec),
        value: m.payload().map(<[u8]>::to_vec),
        headers,
        timestamp: m.timestamp(),
    }
}

fn read(c: &BaseConsumer, n: usize, seconds: u64) -> Result<Vec<Got>> {
    let mut out = vec![];
    let end = Instant::now() + Duration::from_secs(seconds);
    while out.len() < n && Instant::now() < end {
        match c.poll(Duration::from_millis(200)) {
            None => {}
            Some(Ok(m)) => out.push(converted(&m)),
            Some(Err(e)) => return Err(code(&e)),
        }
    }
    Ok(out)
}

fn codec(p: &Play) -> Result<()> {
    p.write_and_read(&codec_records(), &[("compression.type", &p.feature[6..])])
}

fn shapes_feature(p: &Play) -> Result<()> {
    p.write_and_read(&shapes(), &[])
}

fn large_feature(p: &Play) -> Result<()> {
    p.write_and_read(&large(), &[])
}

fn idempotent(p: &Play) -> Result<()> {
    p.write_and_read(&codec_records(), &[("enable.idempotence", "true")])
}

fn timestamps(p: &Play) -> Result<()> {
    let append = format!("{}-append", p.topic);
    p.create(&p.topic, 1, "", "")?;
    p.create(&append, 1, "message.timestamp.type", "LogAppendTime")?;
    for topic in [&p.topic, &append] {
        p.write(topic, Some(0), &timed(3), &[]);
        for r in read(&p.reader(topic, Offset::Offset(0), "earliest"), 3, 10)? {
            match r.timestamp {
                rdkafka::Timestamp::CreateTime(t) => p.say(&format!("{} create {}", r.offset, t - T0)),
                rdkafka::Timestamp::LogAppendTime(t) => p.say(&format!("{} append later={}", r.offset, t > T0 + 1000)),
                rdkafka::Timestamp::NotAvailable => p.say("none"),
            }
        }
    }
    Ok(())
}

fn partitioner(p: &Play) -> Result<()> {
    p.create(&p.topic, 4, "", "")?;
    let records: Vec<Given> = (0..40).map(|i| given(Some(format!("key {i}").as_bytes()), Some(b"v"))).collect();
    let told = p.write(&p.topic, None, &records, &[]);
    p.say(&told.iter().map(|t| t.as_ref().map_or_else(Clone::clone, |n| n.to_string())).collect::<Vec<_>>().join(" "));
    Ok(())
}

fn acks(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    for wanted in ["0", "1", "all"] {
        p.say(&format!("{wanted}: {}", fate(&p.write(&p.topic, Some(0), &numbers(1), &[("acks", wanted)])[0])));
    }
    p.read_all(3)
}

fn times(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    p.write(&p.topic, Some(0), &timed(10), &[]);
    let c = p.reader(&p.topic, Offset::Offset(0), "earliest");
    for at in [-5, 0, 4, 9, 10] {
        let mut list = TopicPartitionList::new();
        text(list.add_partition_offset(&p.topic, 0, Offset::Offset(T0 + at)))?;
        let found = text(c.offsets_for_times(list, Duration::from_secs(60)))?;
        p.say(&format!("after {at}: {:?}", found.elements()[0].offset()));
    }
    p.say(&format!("watermarks {:?}", text(c.fetch_watermarks(&p.topic, 0, Duration::from_secs(60)))?));
    Ok(())
}

fn seek(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    p.write(&p.topic, Some(0), &numbers(10), &[]);
    let c = p.reader(&p.topic, Offset::Offset(0), "earliest");
    read(&c, 10, 10)?;
    for at in [5, 0, 9] {
        text(c.seek(&p.topic, 0, Offset::Offset(at), Duration::from_secs(60)))?;
        let got = read(&c, 1, 10)?;
        p.say(&format!("at {at}: {}", got.first().map_or("nothing".to_string(), |r| show(&r.value))));
    }
    Ok(())
}

fn reset(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    p.write(&p.topic, Some(0), &numbers(10), &[]);
    for (policy, seconds) in [("earliest", 10), ("latest", 1), ("error", 5)] {
        match read(&p.reader(&p.topic, Offset::Offset(100), policy), 1, seconds) {
            Ok(got) => p.say(&format!("{policy}: {} {:?}", got.len(), got.first().map(|r| r.offset))),
            Err(e) => p.say(&format!("{policy}: {e}")),
        }
    }
    Ok(())
}

fn eof(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    p.write(&p.topic, Some(0), &numbers(3), &[]);
    let c = p.reader_with(&p.topic, Offset::Offset(0), &[("enable.partition.eof", "true")]);
    for _ in 0..4 {
        match c.poll(Duration::from_secs(60)) {
            None => p.say("nothing came"),
            Some(Ok(m)) => p.say(&format!("{} record", m.offset())),
            Some(Err(e)) => p.say(&format!("{e:?}")),
        }
    }
    Ok(())
}

fn committed(p: &Play, c: &BaseConsumer) -> Result<()> {
    let mut list = TopicPartitionList::new();
    list.add_partition(&p.topic, 0);
    list.add_partition(&p.topic, 1);
    let found = text(c.committed_offsets(list, Duration::from_secs(60)))?;
    for e in found.elements() {
        p.say(&format!("committed {} {:?}", e.partition(), e.offset()));
    }
    Ok(())
}

fn commit(p: &Play) -> Result<()> {
    p.create(&p.topic, 2, "", "")?;
    p.write(&p.topic, Some(0), &numbers(10), &[]);
    p.write(&p.topic, Some(1), &numbers(10), &[]);
    let c = p.joined()?;
    p.say(&format!("first run read {}", read(&c, 20, 10)?.len()));
    let mut list = TopicPartitionList::new();
    text(list.add_partition_offset(&p.topic, 0, Offset::Offset(7)))?;
    text(list.add_partition_offset(&p.topic, 1, Offset::Offset(3)))?;
    p.say(&format!("commit {}", fate(&text(c.commit(&list, CommitMode::Sync)))));
    committed(p, &c)?;
    drop(c);
    let c = p.joined()?;
    let mut got: Vec<(i32, i64)> = read(&c, 10, 10)?.iter().map(|r| (r.partition, r.offset)).collect();
    got.sort_unstable();
    p.say(&format!("second run read {}", got.iter().map(|(a, b)| format!("{a}:{b}")).collect::<Vec<_>>().join(" ")));
    p.say(&format!("commit {}", fate(&text(c.commit_consumer_state(CommitMode::Sync)))));
    drop(c);
    let c = p.joined()?;
    p.say(&format!("third run read {}", read(&c, 1, 2)?.len()));
    committed(p, &c)
}

fn admin_topics(p: &Play) -> Result<()> {
    p.say(&format!("create {}", fate(&p.make(&p.topic, 3, 1, "retention.ms", "3600000"))));
    p.say(&format!("three {}", until(|| p.partitions(&p.topic) == 3)));
    let deleted = text(block_on(p.admin().delete_topics(&[&p.topic], &options())))?;
    p.say(&format!("delete {}", deleted[0].is_ok()));
    p.say(&format!("gone {}", until(|| p.partitions(&p.topic) == 0)));
    Ok(())
}

fn described(p: &Play, resource: ResourceSpecifier, keys: &[&str]) -> String {
    match block_on(p.admin().describe_configs(&[resource], &options())) {
        Err(e) => code(&e),
        Ok(answer) => match &answer[0] {
            Err(e) => format!("{e:?}"),
            Ok(found) => {
                let map = found.entry_map();
                keys.iter()
                    .map(|k| map.get(k).map_or(format!("{k}?"), |e| format!("{k}={:?},{:?},readonly={}", e.value, e.source, e.is_read_only)))
                    .collect::<Vec<_>>()
                    .join(" ")
            }
        },
    }
}

fn altered(p: &Play, resource: ResourceSpecifier, key: &str, value: &str) -> String {
    match block_on(p.admin().alter_configs(&[AlterConfig::new(resource).set(key, value)], &options())) {
        Err(e) => code(&e),
        Ok(answer) => match &answer[0] {
            Ok(_) => "ok".to_string(),
            Err((_, c)) => format!("{c:?}"),
        },
    }
}

fn admin_configs(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "retention.ms", "3600000")?;
    let keys = ["retention.ms", "cleanup.policy", "max.message.bytes"];
    let before = described(p, ResourceSpecifier::Topic(&p.topic), &keys);
    p.say(&before);
    p.say(&format!("replace {}", altered(p, ResourceSpecifier::Topic(&p.topic), "cleanup.policy", "compact")));
    until(|| described(p, ResourceSpecifier::Topic(&p.topic), &keys) != before);
    p.say(&described(p, ResourceSpecifier::Topic(&p.topic), &keys));
    p.say(&described(p, ResourceSpecifier::Broker(1), &["node.id", "num.partitions", "log.retention.hours"]));
    Ok(())
}

fn admin_partitions(p: &Play) -> Result<()> {
    p.create(&p.topic, 2, "", "")?;
    for n in [4, 2, 4, 5] {
        let answer = text(block_on(p.admin().create_partitions(&[NewPartitions::new(&p.topic, n)], &options())))?;
        p.say(&format!("{n}: {}", answer[0].as_ref().map_or_else(|(_, c)| format!("{c:?}"), |_| "ok".to_string())));
    }
    p.say(&format!("five {}", until(|| p.partitions(&p.topic) == 5)));
    Ok(())
}

fn admin_records(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    p.write(&p.topic, Some(0), &numbers(10), &[]);
    for at in [Offset::Offset(4), Offset::End, Offset::Offset(99)] {
        let mut list = TopicPartitionList::new();
        text(list.add_partition_offset(&p.topic, 0, at))?;
        let told = match block_on(p.admin().delete_records(&list, &options())) {
            Err(e) => code(&e),
            Ok(found) => found.elements().iter().map(|e| format!("{} {:?}", fate(&text(e.error())), e.offset())).collect(),
        };
        p.say(&format!("before {at:?}: {told}"));
    }
    let c = p.reader(&p.topic, Offset::Offset(0), "earliest");
    p.say(&format!("watermarks {:?}", text(c.fetch_watermarks(&p.topic, 0, Duration::from_secs(60)))?));
    Ok(())
}

fn admin_cluster(p: &Play) -> Result<()> {
    let admin = p.admin();
    let found = text(admin.inner().fetch_metadata(None, Duration::from_secs(60)))?;
    for b in found.brokers() {
        p.say(&format!("broker {} {}", b.id(), b.host()));
    }
    let id = admin.inner().fetch_cluster_id(Duration::from_secs(60));
    p.say(&format!("id={} characters", id.map_or(0, |s| s.len())));
    Ok(())
}

fn delete_group(p: &Play, group: &str) -> String {
    match block_on(p.admin().delete_groups(&[group], &options())) {
        Err(e) => code(&e),
        Ok(answer) => answer[0].as_ref().map_or_else(|(_, c)| format!("{c:?}"), |_| "ok".to_string()),
    }
}

fn admin_groups(p: &Play) -> Result<()> {
    p.create(&p.topic, 2, "", "")?;
    p.write(&p.topic, Some(0), &numbers(10), &[]);
    let c = p.joined()?;
    read(&c, 10, 10)?;
    text(c.commit_consumer_state(CommitMode::Sync))?;
    let list = |what: &str| -> Result<()> {
        let found = text(c.fetch_group_list(Some(&p.topic), Duration::from_secs(60)))?;
        for g in found.groups() {
            p.say(&format!("{what} state={} kind={} assignor={} members={}", g.state(), g.protocol_type(), g.protocol(), g.members().len()));
            for m in g.members() {
                p.say(&format!("member {} {}", m.client_id(), m.client_host()));
            }
        }
        Ok(())
    };
    list("in use")?;
    p.say(&format!("delete while in use {}", delete_group(p, &p.topic)));
    c.unsubscribe();
    p.say(&format!("delete {}", {
        let mut what = String::new();
        until(|| {
            what = delete_group(p, &p.topic);
            what != "NonEmptyGroup"
        });
        what
    }));
    p.say(&format!("delete again {}", delete_group(p, &p.topic)));
    Ok(())
}

fn error_topics(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    let other = format!("{}-a", p.topic);
    let long = "x".repeat(250);
    for (what, name, partitions, replicas, key, value) in [
        ("exists", p.topic.as_str(), 1, 1, "", ""),
        ("no partitions", &other, 0, 1, "", ""),
        ("too many replicas", &other, 1, 3, "", ""),
        ("bad name", "a topic with spaces", 1, 1, "", ""),
        ("long name", &long, 1, 1, "", ""),
        ("bad setting", &other, 1, 1, "retention.ms", "soon"),
    ] {
        p.say(&format!("{what}: {}", fate(&p.make(name, partitions, replicas, key, value))));
    }
    let unknown = format!("no-{}", p.topic);
    let deleted = text(block_on(p.admin().delete_topics(&[&unknown], &options())))?;
    p.say(&format!("delete unknown: {:?}", deleted[0].as_ref().map_err(|(_, c)| *c).err()));
    Ok(())
}

fn error_configs(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    let unknown = format!("no-{}", p.topic);
    p.say(&format!("bad number: {}", altered(p, ResourceSpecifier::Topic(&p.topic), "retention.ms", "soon")));
    p.say(&format!("bad word: {}", altered(p, ResourceSpecifier::Topic(&p.topic), "cleanup.policy", "keep")));
    p.say(&format!("unknown setting: {}", altered(p, ResourceSpecifier::Topic(&p.topic), "no.such.setting", "1")));
    p.say(&format!("unknown topic: {}", altered(p, ResourceSpecifier::Topic(&unknown), "retention.ms", "1")));
    p.say(&format!("describe unknown: {}", described(p, ResourceSpecifier::Topic(&unknown), &[])));
    Ok(())
}

fn error_produce(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "max.message.bytes", "2000")?;
    p.say(&format!("too large: {}", fate(&p.write(&p.topic, Some(0), &[given(None, Some(&[0; 3000]))], &[])[0])));
    p.say(&format!("fits: {}", fate(&p.write(&p.topic, Some(0), &[given(None, Some(&[0; 1000]))], &[])[0])));
    p.say(&format!("no partition: {}", fate(&p.write(&p.topic, Some(5), &numbers(1), &[])[0])));
    let compacted = format!("{}-c", p.topic);
    p.create(&compacted, 1, "cleanup.policy", "compact")?;
    p.say(&format!("no key on a compacted topic: {}", fate(&p.write(&compacted, Some(0), &numbers(1), &[])[0])));
    p.say(&format!("bad name: {}", fate(&p.write("bad name!", Some(0), &numbers(1), &[])[0])));
    Ok(())
}

fn error_consume(p: &Play) -> Result<()> {
    let unknown = format!("no-{}", p.topic);
    for topic in [unknown.as_str(), "bad name!"] {
        let c = p.subscribed(topic)?;
        p.say(&format!("read {topic}: {}", fate(&read(&c, 1, 10))));
        p.say(&format!("watermarks: {}", fate(&text(c.fetch_watermarks(topic, 0, Duration::from_secs(5))))));
    }
    Ok(())
}

fn error_groups(p: &Play) -> Result<()> {
    p.create(&p.topic, 1, "", "")?;
    p.write(&p.topic, Some(0), &numbers(1), &[]);
    p.say(&format!("delete unknown: {}", delete_group(p, &format!("no-{}", p.topic))));
    let outside = p.reader(&p.topic, Offset::Offset(0), "earliest");
    let mut list = TopicPartitionList::new();
    text(list.add_partition_offset(&p.topic, 0, Offset::Offset(0)))?;
    p.say(&format!("commit without membership: {}", fate(&text(outside.commit(&list, CommitMode::Sync)))));
    let member = p.joined()?;
    read(&member, 1, 10)?;
    p.say(&format!("commit into a group in use: {}", fate(&text(outside.commit(&list, CommitMode::Sync)))));
    list.elements()[0].set_metadata("m".repeat(5000));
    p.say(&format!("large metadata: {}", fate(&text(member.commit(&list, CommitMode::Sync)))));
    Ok(())
}

// What the client does not have, with the reason.
const ABSENT: &[(&str, &str)] = &[("admin-offsets", "its admin client has no calls for the offsets of groups")];

const FEATURES: &[(&str, Feature)] = &[
    ("codec-none", codec),
    ("codec-gzip", codec),
    ("codec-snappy", codec),
    ("codec-lz4", codec),
    ("codec-zstd", codec),
    ("shapes", shapes_feature),
    ("large", large_feature),
    ("timestamps", timestamps),
    ("partitioner", partitioner),
    ("idempotent", idempotent),
    ("acks", acks),
    ("times", times),
    ("seek", seek),
    ("reset", reset),
    ("eof", eof),
    ("commit", commit),
    ("admin-topics", admin_topics),
    ("admin-configs", admin_configs),
    ("admin-partitions", admin_partitions),
    ("admin-records", admin_records),
    ("admin-cluster", admin_cluster),
    ("admin-groups", admin_groups),
    ("error-topics", error_topics),
    ("error-configs", error_configs),
    ("error-produce", error_produce),
    ("error-consume", error_consume),
    ("error-groups", error_groups),
];

fn run(bootstrap: &str, nonce: &str, names: &[String]) {
    for name in names {
        if let Some((_, reason)) = ABSENT.iter().find(|(n, _)| n == name) {
            tell(&format!("{name}: skip {reason}"));
            continue;
        }
        match FEATURES.iter().find(|(n, _)| n == name) {
            None => tell(&format!("{name}: failed: the program does not know it")),
            Some((_, play)) => {
                let p = Play { bootstrap: bootstrap.to_string(), feature: name.clone(), topic: format!("{name}-{nonce}") };
                tell(&format!("{name}: begin"));
                if let Err(e) = play(&p) {
                    p.say(&format!("failed {e}"));
                }
                tell(&format!("{name}: done"));
            }
        }
    }
}

fn setup(bootstrap: &str, topic: &str, partitions: i32, count: i64) -> Result<()> {
    let p = Play { bootstrap: bootstrap.to_string(), feature: String::new(), topic: topic.to_string() };
    p.create(topic, partitions, "", "")?;
    for partition in 0..partitions {
        p.write(topic, Some(partition), &numbers(count), &[]);
    }
    Ok(())
}

fn member(bootstrap: &str, group: &str, topic: &str, options: &HashMap<String, String>) -> Result<()> {
    let mut c = config(bootstrap, &[("group.id", group), ("enable.auto.commit", "false"), ("auto.offset.reset", "earliest")]);
    let option = |key: &str| options.get(key).map(String::as_str);
    if option("protocol") == Some("consumer") {
        c.set("group.protocol", "consumer");
    } else {
        c.set("session.timeout.ms", option("session").unwrap_or("1500")).set("heartbeat.interval.ms", "300");
        c.set("partition.assignment.strategy", if option("strategy") == Some("sticky") { "cooperative-sticky" } else { "range" });
    }
    if let Some(instance) = option("instance") {
        c.set("group.instance.id", instance);
    }
    let consumer: BaseConsumer = text(c.create())?;
    text(consumer.subscribe(&[topic]))?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_line(&mut String::new());
        asked.store(true, Ordering::SeqCst);
    });
    let mut last = String::from("?");
    while !stop.load(Ordering::SeqCst) {
        let polled = consumer.poll(Duration::from_millis(50));
        if let Ok(list) = consumer.assignment() {
            let mut now: Vec<i32> = list.elements().iter().map(|e| e.partition()).collect();
            now.sort_unstable();
            let now = now.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            if now != last {
                tell(&format!("assigned {now}"));
                last = now;
            }
        }
        if let Some(Ok(m)) = polled {
            tell(&format!("got {} {}", m.partition(), m.offset()));
            if let Err(e) = consumer.commit_message(&m, CommitMode::Sync) {
                tell(&format!("commit failed {}", code(&e)));
            }
        }
    }
    drop(consumer);
    tell("left");
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let result = match args[1].as_str() {
        "run" => {
            run(&args[2], &args[3], &args[4..]);
            Ok(())
        }
        "setup" => setup(&args[2], &args[3], args[4].parse().expect("a number"), args[5].parse().expect("a number")),
        "member" => {
            let options = args[5..].iter().filter_map(|w| w.split_once('=')).map(|(k, v)| (k.to_string(), v.to_string())).collect();
            member(&args[2], &args[3], &args[4], &options)
        }
        _ => Err("run, setup or member".to_string()),
    };
    if let Err(e) = result {
        eprintln!("{e}");
        std::process::exit(1);
    }
}
