// The matrix through @confluentinc/kafka-javascript: its promise API, and the older one with callbacks for what that lacks. What a program of
// the matrix does: clients/node/features.js.
'use strict'
const { AdminClient, KafkaConsumer, KafkaJS } = require('@confluentinc/kafka-javascript')
const { Kafka, logLevel, PartitionAssigners } = KafkaJS
const f = require('./features.cjs')

const kafka = (bootstrap) => new Kafka({ kafkaJS: { clientId: 'matrix', brokers: [bootstrap], logLevel: logLevel.NOTHING } })

const topicSpec = (topic, numPartitions, replicationFactor, configs) => ({
  topic, numPartitions, replicationFactor, configEntries: Object.entries(configs || {}).map(([name, value]) => ({ name, value }))
})

async function connected (client, closing) {
  await client.connect()
  if (closing) closing(() => client.disconnect())
  return client
}

async function create (bootstrap, topic, closing, partitions = 1, configs) {
  const admin = await connected(kafka(bootstrap).admin(), closing)
  await admin.createTopics({ topics: [topicSpec(topic, partitions, 1, configs)] })
  await f.until(async () => {
    try {
      const [t] = await admin.fetchTopicMetadata({ topics: [topic] })
      return t.partitions.length === partitions && t.partitions.every((p) => p.leader >= 0)
    } catch { return false }
  })
  return admin
}

// A call that answers by a callback, as a promise.
const called = (call) => new Promise((resolve, reject) => call((error, answer) => (error ? reject(error) : resolve(answer))))

// The admin client with callbacks.
function callbacks (bootstrap, closing) {
  const admin = AdminClient.create({ 'bootstrap.servers': bootstrap, log_level: 0 })
  closing(() => admin.disconnect())
  return admin
}

const outcome = (error) => `${error.type || error.name || ''} ${error.code === undefined ? '' : error.code}`.trim()

async function attempt (promise) {
  try {
    return ['ok', await promise]
  } catch (error) {
    const inner = error.errors?.[0] || error.groups?.[0]?.error
    return [outcome(inner || error), undefined]
  }
}

function messages (records, partition, timed) {
  return records.map((r) => {
    const headers = {}
    for (const [k, v] of r.headers || []) headers[k] = headers[k] === undefined ? v : [headers[k], v].flat()
    const out = { key: r.key, value: r.value, headers }
    if (partition !== null) out.partition = partition
    if (timed) out.timestamp = String(r.timestamp)
    return out
  })
}

async function write (bootstrap, topic, records, { partition = 0, timed } = {}, producing = {}, raw = {}) {
  const producer = kafka(bootstrap).producer({ kafkaJS: { allowAutoTopicCreation: false, ...producing }, 'message.max.bytes': 4000000, 'linger.ms': 5, ...raw })
  await producer.connect()
  try {
    return await producer.send({ topic, messages: messages(records, partition, timed) })
  } finally {
    await producer.disconnect()
  }
}

async function read (bootstrap, topic, n, { group = 'reader-' + topic, seconds = 60, at, last, raw = {} } = {}) {
  const consumer = kafka(bootstrap).consumer({
    kafkaJS: { groupId: group, autoCommit: false, fromBeginning: true, allowAutoTopicCreation: false, maxWaitTimeInMs: 200, sessionTimeout: 45000, heartbeatInterval: 300 },
    'js.consumer.max.cache.size.per.worker.ms': 100,
    ...raw
  })
  await consumer.connect()
  const got = []
  try {
    await consumer.subscribe({ topics: [topic] })
    await consumer.run({ eachMessage: async ({ partition, message }) => { got.push({ partition, ...message }) } })
    if (at !== undefined) {
      await f.until(() => consumer.assignment().length > 0)
      consumer.seek({ topic, partition: 0, offset: String(at) })
    }
    await f.until(() => got.length >= n, seconds)
    if (last) await last(consumer, got)
  } finally {
    await consumer.disconnect()
  }
  return got
}

const flatHeaders = (headers) => Object.entries(headers || {}).flatMap(([k, v]) => (Array.isArray(v) ? v.map((x) => [k, x]) : [[k, v]]))

const writeAndRead = (records, producing, raw) => async (say, bootstrap, topic, closing) => {
  await create(bootstrap, topic, closing)
  const told = await write(bootstrap, topic, records, {}, producing, raw)
  say(`written ${told.map((t) => `${t.partition}:${t.errorCode}:${t.baseOffset}`)}`)
  const got = await read(bootstrap, topic, records.length)
  if (records.length > 10) return say(f.showAll(got))
  for (const m of got) say(f.showRecord(m.offset, m.key, m.value, flatHeaders(m.headers)))
}

const features = {
  'codec-none': writeAndRead(f.codecRecords()),
  'codec-gzip': writeAndRead(f.codecRecords(), { compression: 'gzip' }),
  'codec-snappy': writeAndRead(f.codecRecords(), { compression: 'snappy' }),
  'codec-lz4': writeAndRead(f.codecRecords(), { compression: 'lz4' }),
  'codec-zstd': writeAndRead(f.codecRecords(), { compression: 'zstd' }),
  // The client refuses a header that is null.
  shapes: writeAndRead(f.SHAPES.map((r) => ({ ...r, headers: r.headers.filter(([, v]) => v !== null) }))),
  large: writeAndRead(f.large()),
  idempotent: writeAndRead(f.codecRecords(), { idempotent: true, maxInFlightRequests: 1 }),

  async timestamps (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing)
    await create(bootstrap, topic + '-append', closing, 1, { 'message.timestamp.type': 'LogAppendTime' })
    for (const name of [topic, topic + '-append']) {
      await write(bootstrap, name, f.numbers(3), { timed: true })
      for (const m of await read(bootstrap, name, 3)) say(`${m.offset} ${f.showTime(m.timestamp)}`)
    }
  },

  async partitioner (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 4)
    await write(bootstrap, topic, Array.from({ length: 40 }, (_, i) => ({ key: Buffer.from(`key ${i}`), value: Buffer.from('v') })), { partition: null })
    const offsets = await admin.fetchTopicOffsets(topic)
    say(offsets.sort((a, b) => a.partition - b.partition).map((o) => `${o.partition}:${o.high}`).join(' '))
  },

  async acks (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing)
    for (const acks of [0, 1, -1]) say(`${acks} ${(await attempt(write(bootstrap, topic, f.numbers(1), {}, { acks })))[0]}`)
    say(f.showAll(await read(bootstrap, topic, 3)))
  },

  async times (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10), { timed: true })
    for (const at of [-5, 0, 4, 9, 10]) say(`after ${at}: ${f.clean((await admin.fetchTopicOffsetsByTimestamp(topic, f.T0 + at)).map((o) => [o.partition, o.offset]))}`)
    say(f.clean((await admin.fetchTopicOffsets(topic)).map((o) => [o.partition, o.low, o.high])))
    const [{ offset }] = await admin.fetchTopicOffsetsByTimestamp(topic, f.T0 + 6)
    say(`from ${offset}`)
  },

  async seek (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10))
    await read(bootstrap, topic, 10, {
      last: async (consumer, got) => {
        for (const offset of [5, 0, 9]) {
          const before = got.length
          consumer.seek({ topic, partition: 0, offset: String(offset) })
          await f.until(() => got.slice(before).some((m) => Number(m.offset) === offset))
          say(`at ${offset}: ${f.show(got.slice(before).find((m) => Number(m.offset) === offset)?.value)}`)
        }
        consumer.pause([{ topic }])
        say(`paused ${f.clean(consumer.paused())}`)
        consumer.resume([{ topic }])
        say(`resumed ${f.clean(consumer.paused())}`)
      }
    })
  },

  async reset (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10))
    const got = await read(bootstrap, topic, 20, { at: 100, seconds: 3 })
    say(`out of range: the last read is ${got.length && got[got.length - 1].offset}`)
  },

  async eof (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(3))
    const consumer = new KafkaConsumer({ 'bootstrap.servers': bootstrap, 'group.id': topic, 'enable.partition.eof': true, log_level: 0 }, {})
    const seen = []
    consumer.on('data', (m) => seen.push(`${m.offset} record`))
    consumer.on('partition.eof', (e) => seen.push(`${e.offset} end`))
    await called((done) => consumer.connect({}, done))
    closing(() => called((done) => consumer.disconnect(done)))
    consumer.assign([{ topic, partition: 0, offset: 0 }])
    consumer.consume()
    await f.until(() => seen.length >= 4)
    seen.forEach((line) => say(line))
  },

  async commit (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    for (const partition of [0, 1]) await write(bootstrap, topic, f.numbers(10), { partition })
    // librdkafka shows more than the metadata's length: what lies behind it is cut off.
    const committed = async () => say(`committed ${f.clean((await admin.fetchOffsets({ groupId: topic, topics: [topic] }))[0].partitions.map((p) => [p.partition, p.offset, (p.metadata || '').slice(0, 5)]).sort())}`)
    const first = await read(bootstrap, topic, 20, {
      group: topic,
      last: (consumer) => consumer.commitOffsets([{ topic, partition: 0, offset: '7', metadata: 'seven' }, { topic, partition: 1, offset: '3' }])
    })
    say(`first run read ${first.length}`)
    await committed()
    const second = await read(bootstrap, topic, 10, {
      group: topic, last: (consumer) => consumer.commitOffsets([0, 1].map((partition) => ({ topic, partition, offset: '10' })))
    })
    say(`second run read ${f.showRead(second)}`)
    say(`third run read ${(await read(bootstrap, topic, 1, { group: topic, seconds: 1.5 })).length}`)
    await committed()
  },

  async 'admin-topics' (say, bootstrap, topic, closing) {
    const admin = await connected(kafka(bootstrap).admin(), closing)
    say(`create ${await admin.createTopics({ topics: [topicSpec(topic, 3, 1, { 'retention.ms': '3600000' })] })}`)
    say(`again ${f.clean(await attempt(admin.createTopics({ topics: [topicSpec(topic, 3, 1)] })))}`)
    await f.until(async () => (await attempt(admin.fetchTopicMetadata({ topics: [topic] })))[1]?.[0].partitions.length === 3)
    say(`listed ${(await admin.listTopics()).filter((t) => t === topic).length}`)
    const [t] = await admin.fetchTopicMetadata({ topics: [topic], includeAuthorizedOperations: true })
    say(`${t.name} internal=${t.isInternal} operations=${f.clean([...t.authorizedOperations].sort())}`)
    for (const p of t.partitions) say(`partition ${p.partitionId} ${p.leader} ${p.replicas} ${p.isr}`)
    say(`delete ${(await attempt(admin.deleteTopics({ topics: [topic] })))[0]}`)
    say(`gone ${await f.until(async () => !(await admin.listTopics()).includes(topic))}`)
  },

  async 'admin-records' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10))
    for (const offset of ['4', '-1', '99']) {
      const [what, answer] = await attempt(admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] }))
      say(`before ${offset}: ${what} ${answer ? answer.map((r) => `${r.partition}:${r.lowWatermark}:${r.error ? outcome(r.error) : ''}`) : ''}`)
    }
    say(f.clean((await admin.fetchTopicOffsets(topic)).map((o) => [o.partition, o.low, o.high])))
  },

  async 'admin-partitions' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    const older = callbacks(bootstrap, closing)
    for (const count of [4, 2, 4, 5]) say(`${count}: ${(await attempt(called((done) => older.createPartitions(topic, count, 60000, done))))[0]}`)
    say(`unknown: ${(await attempt(called((done) => older.createPartitions('no-' + topic, 4, 60000, done))))[0]}`)
    say(`five ${await f.until(async () => (await admin.fetchTopicMetadata({ topics: [topic] }))[0].partitions.length === 5)}`)
  },

  async 'admin-cluster' (say, bootstrap, topic, closing) {
    const consumer = new KafkaConsumer({ 'bootstrap.servers': bootstrap, 'group.id': topic, log_level: 0 }, {})
    await called((done) => consumer.connect({}, done))
    closing(() => called((done) => consumer.disconnect(done)))
    const seen = await called((done) => consumer.getMetadata({ timeout: 60000 }, done))
    for (const b of seen.brokers) say(`broker ${b.id} ${b.host}`)
  },

  async 'admin-offsets' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    await write(bootstrap, topic, f.numbers(10))
    await read(bootstrap, topic, 10, {
      group: topic,
      last: (consumer) => consumer.commitOffsets([{ topic, partition: 0, offset: '5' }, { topic, partition: 1, offset: '0' }])
    })
    const listed = async (groupId, topics) => {
      const [what, found] = await attempt(admin.fetchOffsets({ groupId, topics }))
      say(`listed ${what} ${f.clean((found || []).flatMap((t) => t.partitions.map((p) => [p.partition, p.offset])).sort())}`)
    }
    await listed(topic, [topic])
    await listed(topic, [{ topic, partitions: [0, 7] }])
    await listed('no-' + topic)
  },

  async 'admin-groups' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    await write(bootstrap, topic, f.numbers(10))
    const describe = async () => {
      const [what, answer] = await attempt(admin.describeGroups([topic]))
      say(`described ${what}`)
      for (const g of answer?.groups || []) {
        say(`state=${g.state} ${g.protocolType} ${g.protocol} simple=${g.isSimpleConsumerGroup} type=${g.type} coordinator=${g.coordinator?.id} ${g.error ? outcome(g.error) : ''}`)
        for (const m of g.members) say(`member ${m.clientId} ${m.clientHost} ${f.clean(m.assignment.topicPartitions.map((p) => p.partition).sort())}`)
      }
    }
    await read(bootstrap, topic, 10, {
      group: topic,
      last: async (consumer) => {
        await consumer.commitOffsets([{ topic, partition: 0, offset: '10' }])
        say(`listed ${f.clean((await admin.listGroups()).groups.filter((g) => g.groupId === topic))}`)
        await describe()
        say(`delete while in use ${(await attempt(admin.deleteGroups([topic])))[0]}`)
      }
    })
    await describe()
    for (const what of ['delete', 'delete again']) say(`${what} ${(await attempt(admin.deleteGroups([topic])))[0]}`)
    await describe()
  },

  async 'error-topics' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    for (const [what, ...wanted] of [['no partitions', topic + '-a', 0, 1], ['too many replicas', topic + '-a', 1, 3],
      ['bad name', 'a topic with spaces', 1, 1], ['bad setting', topic + '-a', 1, 1, { 'retention.ms': 'soon' }]]) {
      say(`${what}: ${f.clean(await attempt(admin.createTopics({ topics: [topicSpec(...wanted)] })))}`)
    }
    say(`delete unknown: ${(await attempt(admin.deleteTopics({ topics: ['no-' + topic] })))[0]}`)
    say(`describe unknown: ${(await attempt(admin.fetchTopicMetadata({ topics: ['no-' + topic] })))[0]}`)
  },

  async 'error-produce' (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing, 1, { 'max.message.bytes': '2000' })
    for (const [what, size] of [['too large', 3000], ['fits', 1000]]) {
      say(`${what}: ${(await attempt(write(bootstrap, topic, [{ value: Buffer.alloc(size) }])))[0]}`)
    }
    say(`no partition: ${(await attempt(write(bootstrap, topic, [{ value: Buffer.from('x') }], { partition: 5 })))[0]}`)
    await create(bootstrap, topic + '-c', closing, 1, { 'cleanup.policy': 'compact' })
    say(`no key on a compacted topic: ${(await attempt(write(bootstrap, topic + '-c', f.numbers(1))))[0]}`)
  },

  async 'error-consume' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    for (const name of ['no-' + topic, 'bad name!']) say(`offsets of ${name}: ${(await attempt(admin.fetchTopicOffsets(name)))[0]}`)
    const consumer = await connected(kafka(bootstrap).consumer({ kafkaJS: { groupId: topic, allowAutoTopicCreation: false } }), closing)
    say(`subscribe to what is no name: ${(await attempt(consumer.subscribe({ topics: [7] })))[0]}`)
  },

  async 'error-groups' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    const [what, answer] = await attempt(admin.describeGroups(['no-' + topic]))
    say(`describe unknown: ${what} ${answer && answer.groups.map((g) => `${g.state} ${g.error ? outcome(g.error) : ''}`)}`)
    say(`delete unknown: ${(await attempt(admin.deleteGroups(['no-' + topic])))[0]}`)
    await write(bootstrap, topic, f.numbers(1))
    await read(bootstrap, topic, 1, {
      group: topic,
      last: async (consumer) => say(`large metadata: ${(await attempt(consumer.commitOffsets([{ topic, partition: 0, offset: '1', metadata: 'm'.repeat(5000) }])))[0]}`)
    })
  }
}

const absent = {
  'admin-configs': 'it has no calls for settings',
  'error-configs': 'it has no calls for settings'
}

async function setup (bootstrap, topic, partitions, count) {
  const admin = await create(bootstrap, topic, null, partitions)
  await admin.disconnect()
  for (let partition = 0; partition < partitions; partition++) await write(bootstrap, topic, f.numbers(count), { partition })
}

async function member (bootstrap, group, topic, options) {
  const kafkaJS = { groupId: group, autoCommit: false, fromBeginning: true, maxWaitTimeInMs: 200 }
  const raw = { 'js.consumer.max.cache.size.per.worker.ms': 100 }
  if (options.protocol === 'consumer') {
    raw['group.protocol'] = 'consumer'
  } else {
    const session = Number(options.session || 1500)
    Object.assign(kafkaJS, { sessionTimeout: session, heartbeatInterval: 300, rebalanceTimeout: Math.max(5000, session) }) // librdkafka wants it so
    kafkaJS.partitionAssigners = [options.strategy === 'sticky' ? PartitionAssigners.cooperativeSticky : PartitionAssigners.range]
  }
  if (options.instance) raw['group.instance.id'] = options.instance
  const consumer = kafka(bootstrap).consumer({ kafkaJS, ...raw })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic] })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      f.tell(`got ${partition} ${message.offset}`)
      try {
        await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
      } catch (error) {
        f.tell(`commit failed ${outcome(error)}`)
      }
    }
  })
  let last = null
  const watch = setInterval(() => {
    const now = consumer.assignment().map((p) => p.partition).sort()
    if (JSON.stringify(now) !== last) f.assigned(now)
    last = JSON.stringify(now)
  }, 50)
  await f.stopAsked()
  clearInterval(watch)
  await consumer.disconnect()
}

f.start({ features, absent, setup, member })
