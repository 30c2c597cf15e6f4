"""Logins through confluent-kafka, kafka-python and aiokafka: each case writes a record, reads it again, and says so, or why not.

logins.py CLIENT CASES      `sasl/run` has what a case is; the lines are in the cases' order
"""
import asyncio
import concurrent.futures
import logging
import ssl
import sys
import time

PATIENCE_S = 30
FIELDS = ["name", "address", "protocol", "mechanism", "user", "password", "token", "ca", "own", "topic"]


def record(client, case):
    return f"{client} {case['name']}".encode()


def deadline():
    return time.monotonic() + PATIENCE_S


# ---- confluent-kafka ----


def confluent_settings(case, errors):
    settings = {"bootstrap.servers": case["address"], "security.protocol": case["protocol"], "log_level": 0,
                "error_cb": lambda e: errors.append(e), "reconnect.backoff.max.ms": 200}
    if case["mechanism"]:
        settings["sasl.mechanism"] = case["mechanism"]
    if case["user"]:
        settings.update({"sasl.username": case["user"], "sasl.password": case["password"]})
    if case["token"]:
        settings["oauth_cb"] = lambda config: (case["token"], time.time() + 300)
    if case["ca"]:
        settings["ssl.ca.location"] = case["ca"]
    if case["own"]:
        settings.update({"ssl.certificate.location": case["own"] + ".crt", "ssl.key.location": case["own"] + ".key"})
    return settings


def confluent_error(errors):
    """What is said of it; that no broker is left only when nothing else is."""
    told = [e for e in errors if e.name() not in ("_ALL_BROKERS_DOWN",)]
    return told[0].str() if told else None


def confluent(case):
    from confluent_kafka import Consumer, Producer, TopicPartition
    errors, written, until = [], [], deadline()
    producer = Producer(confluent_settings(case, errors))
    producer.produce(case["topic"], record("confluent", case), on_delivery=lambda e, m: written.append(e))
    while not written and not confluent_error(errors) and time.monotonic() < until:
        producer.poll(0.1)
    if not written or written[0]:
        producer.purge()
        return confluent_error(errors) or (errors and errors[0].str()) or "no answer"
    consumer = Consumer(dict(confluent_settings(case, errors), **{"group.id": "logins", "enable.auto.commit": False}))
    consumer.assign([TopicPartition(case["topic"], 0, 0)])
    while time.monotonic() < until:
        m = consumer.poll(0.2)
        if m and not m.error() and m.value() == record("confluent", case):
            consumer.close()
            return "let in"
    return "its record is not there"


# ---- kafka-python ----


def kafka_python_settings(case):
    from kafka.net.sasl.oauth import AbstractTokenProvider

    class Provider(AbstractTokenProvider):
        def __init__(self, token):
            self.value = token

        def token(self):
            return self.value

    settings = {"bootstrap_servers": case["address"], "security_protocol": case["protocol"], "bootstrap_timeout_ms": 8000}
    if case["mechanism"]:
        settings["sasl_mechanism"] = case["mechanism"]
    if case["user"]:
        settings.update({"sasl_plain_username": case["user"], "sasl_plain_password": case["password"]})
    if case["token"]:
        settings["sasl_oauth_token_provider"] = Provider(case["token"])
    if case["ca"]:
        settings["ssl_cafile"] = case["ca"]
    if case["own"]:
        settings.update({"ssl_certfile": case["own"] + ".crt", "ssl_keyfile": case["own"] + ".key"})
    return settings


def kafka_python(case):
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    settings = kafka_python_settings(case)
    producer = KafkaProducer(**settings, max_block_ms=20000)
    try:
        producer.send(case["topic"], record("kafka-python", case)).get(timeout=PATIENCE_S)
    finally:
        producer.close(timeout=0)
    consumer = KafkaConsumer(**settings)
    consumer.assign([TopicPartition(case["topic"], 0)])
    consumer.seek_to_beginning()
    until = deadline()
    while time.monotonic() < until:
        for records in consumer.poll(timeout_ms=200).values():
            if any(r.value == record("kafka-python", case) for r in records):
                consumer.close(autocommit=False)
                return "let in"
    return "its record is not there"


# ---- aiokafka ----


def aiokafka_settings(case):
    from aiokafka.abc import AbstractTokenProvider

    class Provider(AbstractTokenProvider):
        async def token(self):
            return case["token"]

    settings = {"bootstrap_servers": case["address"], "security_protocol": case["protocol"]}
    if case["mechanism"]:
        settings["sasl_mechanism"] = case["mechanism"]
    if case["user"]:
        settings.update({"sasl_plain_username": case["user"], "sasl_plain_password": case["password"]})
    if case["token"]:
        settings["sasl_oauth_token_provider"] = Provider()
    if case["ca"]:
        context = ssl.create_default_context(cafile=case["ca"])
        if case["own"]:
            context.load_cert_chain(case["own"] + ".crt", case["own"] + ".key")
        settings["ssl_context"] = context
    return settings


async def aiokafka_speaks(case):
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
    producer = AIOKafkaProducer(**aiokafka_settings(case), request_timeout_ms=20000)
    try:
        await producer.start()
        await producer.send_and_wait(case["topic"], record("aiokafka", case))
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(**aiokafka_settings(case))
    await consumer.start()
    try:
        consumer.assign([TopicPartition(case["topic"], 0)])
        await consumer.seek_to_beginning()
        async with asyncio.timeout(PATIENCE_S):
            async for m in consumer:
                if m.value == record("aiokafka", case):
                    return "let in"
    finally:
        await consumer.stop()


def aiokafka(case):
    return asyncio.run(aiokafka_speaks(case))


# ---- all ----


def outcome(client, case):
    try:
        return client(case)
    except Exception as e:
        return f"{type(e).__name__}: {e}"


def main():
    logging.disable(logging.CRITICAL)
    name, path = sys.argv[1:]
    client = {"confluent": confluent, "kafka-python": kafka_python, "aiokafka": aiokafka}[name]
    with open(path) as lines:
        cases = [dict(zip(FIELDS, ("" if f == "-" else f for f in line.rstrip("\n").split("\t")))) for line in lines]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for case, said in zip(cases, pool.map(lambda c: outcome(client, c), cases)):
            print(f"{name}, {case['name']}: {said}")


main()
