"""Copies records from one topic to another in transactions, whatever happens to the node meanwhile.

exactly_once.py fill   BOOTSTRAP TOPIC PARTITIONS RECORDS
exactly_once.py copy   BOOTSTRAP FROM TO TRANSACTIONAL_ID PROGRESS_FILE    until SIGTERM; every tenth transaction is aborted
exactly_once.py verify BOOTSTRAP FROM TO PARTITIONS RECORDS                each record of FROM is once in TO, for who reads committed ones
exactly_once.py fence  BOOTSTRAP TOPIC PARTITIONS                          of two producers with one id the older one is out

copy: read, write, send the offsets along, commit; what failed is aborted, and read again from what is committed. A client of librdkafka that
begins anew with its bootstrap servers (metadata.recovery.strategy) at times does not end when it is closed, hence "none".
"""
import signal
import sys
import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

PATIENCE = 60
AWAY = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)  # for a moment


def fill(bootstrap, topic, partitions, records):
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5})
    for number in range(int(records)):
        producer.produce(topic, b"%d" % number, partition=number % int(partitions))
        producer.poll(0)
    sys.exit(producer.flush(PATIENCE) > 0)


def new_producer(bootstrap, name):
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name, "transaction.timeout.ms": 20000,
                         "metadata.recovery.strategy": "none", "reconnect.backoff.max.ms": 200,
                         "retry.backoff.ms": 50, "log_level": 0})
    while True:
        try:
            producer.init_transactions(PATIENCE)
            return producer
        except KafkaException as e:
            if not e.args[0].retriable():
                raise


def retried(call, *args):
    """Calls until it is known what came of it."""
    while True:
        try:
            return call(*args)
        except KafkaException as e:
            if not e.args[0].retriable():
                raise


def rewind(consumer):
    """Back to what is committed: for partitions without, to the beginning."""
    assigned = consumer.assignment()
    for part in retried(consumer.committed, assigned, PATIENCE) if assigned else []:
        consumer.seek(TopicPartition(part.topic, part.partition, max(part.offset, 0)))


def copy_batch(producer, consumer, messages, target, abort):
    producer.begin_transaction()
    for message in messages:
        producer.produce(target, message.value(), partition=message.partition())
    retried(producer.send_offsets_to_transaction, consumer.position(consumer.assignment()),
            consumer.consumer_group_metadata(), PATIENCE)
    if abort:
        producer.flush(PATIENCE)  # so that there is something to abort
        retried(producer.abort_transaction, PATIENCE)
        rewind(consumer)
    else:
        retried(producer.commit_transaction, PATIENCE)


def copy(bootstrap, source, target, name, path):
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "copiers", "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "isolation.level": "read_committed",
                         "metadata.recovery.strategy": "none",
                         "reconnect.backoff.max.ms": 200, "log_level": 0})
    consumer.subscribe([source])
    producer = new_producer(bootstrap, name)
    progress = open(path, "w", buffering=1)
    transactions = begun_anew = 0
    while not stop:
        messages = [m for m in consumer.consume(50, 0.2) if not m.error()]
        if not messages:
            continue
        transactions += 1
        try:
            copy_batch(producer, consumer, messages, target, transactions % 10 == 0)
            progress.write(f"{len(messages)}\n")
        except KafkaException as e:
            if e.args[0].txn_requires_abort():
                retried(producer.abort_transaction, PATIENCE)
            else:
                begun_anew += 1
                producer = new_producer(bootstrap, name)
            rewind(consumer)
    consumer.close()
    print(f"{name}: {transactions} transactions, {begun_anew} times begun anew")


def read(bootstrap, topic, partitions, isolation):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": str(uuid.uuid4()), "enable.auto.commit": False,
                         "isolation.level": isolation, "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(int(partitions))])
    values, ended = [], set()
    while len(ended) < int(partitions):
        message = consumer.poll(PATIENCE)
        if message is None:
            sys.exit(f"{topic} does not end")
        if not message.error():
            values.append(message.value())
        elif message.error().code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        elif message.error().code() not in AWAY:
            sys.exit(str(message.error()))
    consumer.close()
    return values


def verify(bootstrap, source, target, partitions, records):
    wanted = sorted(read(bootstrap, source, partitions, "read_committed"))
    committed = sorted(read(bootstrap, target, partitions, "read_committed"))
    written = len(read(bootstrap, target, partitions, "read_uncommitted"))
    print(f"{len(wanted)} records, {len(committed)} committed copies of {len(set(committed))}, {written} written")
    if len(wanted) != int(records) or committed != wanted:
        sys.exit("they are not each there once")


def fence(bootstrap, topic, partitions):
    old = new_producer(bootstrap, "the same")
    old.begin_transaction()
    old.produce(topic, b"of the older one")
    old.flush(PATIENCE)
    new = new_producer(bootstrap, "the same")
    new.begin_transaction()
    new.produce(topic, b"of the newer one")
    retried(new.commit_transaction, PATIENCE)
    try:
        old.commit_transaction(PATIENCE)
        sys.exit("the older one is not fenced")
    except KafkaException as e:
        print(e.args[0].name())
        if e.args[0].code() != KafkaError._FENCED:
            sys.exit("the older one is told something else")
    if read(bootstrap, topic, partitions, "read_committed") != [b"of the newer one"]:
        sys.exit("the older one's record is seen")


if __name__ == "__main__":
    {"fill": fill, "copy": copy, "verify": verify, "fence": fence}[sys.argv[1]](*sys.argv[2:])
