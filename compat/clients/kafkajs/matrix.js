// The matrix through kafkajs. What a program of the matrix does: clients/node/features.js.
'use strict'
const { Kafka, logLevel, CompressionTypes, CompressionCodecs, Partitioners, AssignerProtocol } = require('kafkajs')
const SnappyCodec = require('kafkajs-snappy')
const LZ4Codec = require('kafkajs-lz4')
const zstd = require('@bokuweb/zstd-wasm')
const f = require('./features.cjs')

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = new LZ4Codec().codec
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => { await zstd.init(); return Buffer.from(zstd.compress(encoder.buffer, 3)) },
  decompress: async (buffer) => { await zstd.init(); return Buffer.from(zstd.decompress(buffer)) }
})

const kafka = (bootstrap) => new Kafka({ clientId: 'matrix', brokers: [bootstrap], logLevel: logLevel.NOTHING, connectionTimeout: 30000, retry: { retries: 3, initialRetryTime: 50 } })

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
  await admin.createTopics({ topics: [topicSpec(topic, partitions, 1, configs)], waitForLeaders: true })
  return admin
}

const outcome = (error) => `${error.type || error.name} ${error.code === undefined ? '' : error.code}`.trim()

async function attempt (promise) {
  try {
    return ['ok', await promise]
  } catch (error) {
    const inner = error.errors?.[0] || error.groups?.[0]?.error || error.partitions?.[0]?.error
    return [outcome(inner || error.cause || error), undefined]
  }
}

function messages (records, partition, timed) {
  return records.map((r) => {
    const headers = {}
    for (const [k, v] of r.headers || []) headers[k] = headers[k] === undefined || headers[k] === null ? v : [headers[k], v].flat()
    return { key: r.key, value: r.value, partition, headers, timestamp: timed ? String(r.timestamp) : undefined }
  })
}

async function write (bootstrap, topic, records, { partition = 0, timed, ...options } = {}, producing = {}) {
  const producer = kafka(bootstrap).producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false, ...producing })
  await producer.connect()
  try {
    return await producer.send({ topic, messages: messages(records, partition, timed), ...options })
  } finally {
    await producer.disconnect()
  }
}

// Reads n records in a group; from a place when one is given.
async function read (bootstrap, topic, n, { group = 'reader-' + topic, seconds = 60, at, last, options = {} } = {}) {
  const consumer = kafka(bootstrap).consumer({ groupId: group, allowAutoTopicCreation: false, maxWaitTimeInMs: 200, sessionTimeout: 45000, heartbeatInterval: 300, ...options })
  await consumer.connect()
  const got = []
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({ autoCommit: false, eachMessage: async ({ partition, message }) => { got.push({ partition, ...message }) } })
    if (at !== undefined) consumer.seek({ topic, partition: 0, offset: String(at) })
    await f.until(() => got.length >= n, seconds)
    if (last) await last(consumer, got)
  } finally {
    await consumer.disconnect()
  }
  return got
}

const flatHeaders = (headers) => Object.entries(headers || {}).flatMap(([k, v]) => (Array.isArray(v) ? v.map((x) => [k, x]) : [[k, v]]))

const writeAndRead = (records, options, producing) => async (say, bootstrap, topic, closing) => {
  await create(bootstrap, topic, closing)
  const told = await write(bootstrap, topic, records, options, producing)
  say(`written ${told.map((t) => `${t.partition}:${t.errorCode}:${t.baseOffset}`)}`)
  const got = await read(bootstrap, topic, records.length)
  if (records.length > 10) return say(f.showAll(got))
  for (const m of got) say(f.showRecord(m.offset, m.key, m.value, flatHeaders(m.headers)))
}

const features = {
  'codec-none': writeAndRead(f.codecRecords()),
  'codec-gzip': writeAndRead(f.codecRecords(), { compression: CompressionTypes.GZIP }),
  'codec-snappy': writeAndRead(f.codecRecords(), { compression: CompressionTypes.Snappy }),
  'codec-lz4': writeAndRead(f.codecRecords(), { compression: CompressionTypes.LZ4 }),
  'codec-zstd': writeAndRead(f.codecRecords(), { compression: CompressionTypes.ZSTD }),
  // The client does not write a header that is null.
  shapes: writeAndRead(f.SHAPES.map((r) => ({ ...r, headers: r.headers.filter(([, v]) => v !== null) }))),
  large: writeAndRead(f.large()),
  idempotent: writeAndRead(f.codecRecords(), {}, { idempotent: true, maxInFlightRequests: 1 }),

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
    for (const acks of [0, 1, -1]) say(`${acks} ${(await attempt(write(bootstrap, topic, f.numbers(1), { acks })))[0]}`)
    say(f.showAll(await read(bootstrap, topic, 3)))
  },

  async times (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10), { timed: true })
    for (const at of [-5, 0, 4, 9, 10]) say(`after ${at}: ${f.clean(await admin.fetchTopicOffsetsByTimestamp(topic, f.T0 + at))}`)
    say(f.clean(await admin.fetchTopicOffsets(topic)))
    const [{ offset }] = await admin.fetchTopicOffsetsByTimestamp(topic, f.T0 + 6)
    say(f.showAll((await read(bootstrap, topic, 4, { at: offset })).filter((m) => Number(m.offset) >= 6).slice(0, 4)))
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
    const got = await read(bootstrap, topic, 10, { at: 100 })
    say(`out of range starts again at ${got.length && got[0].offset}`)
  },

  async commit (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    for (const partition of [0, 1]) await write(bootstrap, topic, f.numbers(10), { partition })
    const committed = async () => say(`committed ${f.clean((await admin.fetchOffsets({ groupId: topic, topics: [topic] }))[0].partitions.sort((a, b) => a.partition - b.partition))}`)
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

  async transactions (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    // A transaction is decided before it is at its end; until then a next one is told to come again.
    const transactional = () => connected(kafka(bootstrap).producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1, retry: { retries: 50, initialRetryTime: 50, maxRetryTime: 500 } }), closing)
    const begin = async (producer, n) => {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: messages(f.numbers(n), 0) })
      return transaction
    }
    const levels = async (what, committed, all) => {
      for (const [readUncommitted, n] of [[false, committed], [true, all]]) {
        // So many, however long it takes, and what comes behind them within a moment.
        const got = await read(bootstrap, topic, n, { options: { readUncommitted }, last: (_, got) => f.until(() => got.length > n, 1) })
        say(`${what}, ${readUncommitted ? 'all' : 'committed'} ${f.showRead(got)}`)
      }
    }
    const producer = await transactional()
    await (await begin(producer, 3)).commit()
    await (await begin(producer, 2)).abort()
    const open = await begin(producer, 2)
    await levels('open', 3, 7)
    await open.commit()
    await levels('ended', 5, 7)
    const committed = async () => (await admin.fetchOffsets({ groupId: topic, topics: [topic] }))[0].partitions[0].offset
    for (const [offset, end] of [['5', 'commit'], ['6', 'abort']]) {
      const transaction = await begin(producer, 1)
      await transaction.sendOffsets({ consumerGroupId: topic, topics: [{ topic, partitions: [{ partition: 0, offset }] }] })
      await transaction[end]()
      await f.until(async () => await committed() !== '-1')
      say(`committed ${await committed()}`)
    }
    const newer = await transactional()
    const next = await newer.transaction()
    say(`the older one ${(await attempt(begin(producer, 1)))[0]}`)
    await next.send({ topic, messages: messages(f.numbers(1), 0) })
    await next.commit()
    await levels('fenced', 7, 10)
  },

  async 'admin-topics' (say, bootstrap, topic, closing) {
    const admin = await connected(kafka(bootstrap).admin(), closing)
    for (const validateOnly of [true, false]) {
      say(`create ${await admin.createTopics({ topics: [topicSpec(topic, 3, 1, { 'retention.ms': '3600000' })], validateOnly, waitForLeaders: !validateOnly })}`)
    }
    say(`again ${await admin.createTopics({ topics: [topicSpec(topic, 3, 1)] })}`)
    say(`listed ${(await admin.listTopics()).filter((t) => t === topic).length}`)
    const meta = await admin.fetchTopicMetadata({ topics: [topic] })
    meta.topics[0].partitions.sort((a, b) => a.partitionId - b.partitionId)
    say(f.clean(meta, ['leaderEpoch']))
    say(`delete ${(await attempt(admin.deleteTopics({ topics: [topic] })))[0]}`)
    say(`gone ${await f.until(async () => !(await admin.listTopics()).includes(topic))}`)
  },

  async 'admin-configs' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 1, { 'retention.ms': '3600000' })
    const describe = async (type, name, configNames, changed) => {
      let seen
      const look = async () => {
        const [what, answer] = await attempt(admin.describeConfigs({ resources: [{ type, name, configNames }], includeSynonyms: true }))
        if (answer) answer.resources[0].configEntries.sort((a, b) => (a.configName < b.configName ? -1 : 1))
        seen = `${what} ${f.clean(answer, ['throttleTime', 'clientSideThrottleTime'])}`
        return !changed || seen.includes(changed)
      }
      await f.until(look) // what a broker shows of settings follows a little after the answer
      say(seen)
    }
    await describe(2, topic, ['retention.ms', 'cleanup.policy', 'max.message.bytes'])
    const [what] = await attempt(admin.alterConfigs({ resources: [{ type: 2, name: topic, configEntries: [{ name: 'segment.bytes', value: '1048576' }] }] }))
    say(`replace ${what}`)
    await describe(2, topic, ['retention.ms', 'segment.bytes'], '"1048576"')
    await describe(4, '1', ['node.id', 'num.partitions', 'log.retention.hours'])
  },

  async 'admin-partitions' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    for (const count of [4, 2, 4, 5]) say(`${count}: ${(await attempt(admin.createPartitions({ topicPartitions: [{ topic, count }] })))[0]}`)
    say(`five ${await f.until(async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length === 5)}`)
  },

  async 'admin-records' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10))
    for (const offset of ['4', '-1', '99']) say(`before ${offset}: ${(await attempt(admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] })))[0]}`)
    say(f.clean(await admin.fetchTopicOffsets(topic)))
  },

  async 'admin-cluster' (say, bootstrap, topic, closing) {
    const admin = await connected(kafka(bootstrap).admin(), closing)
    say(f.clean(await admin.describeCluster(), ['clusterId', 'port']))
    const [what, moves] = await attempt(admin.listPartitionReassignments({}))
    say(`reassignments ${what} ${f.clean(moves)}`)
  },

  async 'admin-groups' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    await write(bootstrap, topic, f.numbers(10))
    const describe = async () => {
      const [what, answer] = await attempt(admin.describeGroups([topic]))
      say(`described ${what}`)
      for (const g of answer?.groups || []) {
        say(`${g.errorCode} ${g.state} ${g.protocolType} ${g.protocol}`)
        for (const m of g.members) {
          const decoded = AssignerProtocol.MemberAssignment.decode(m.memberAssignment)
          say(`member ${m.clientId} ${m.clientHost} ${f.clean(decoded.assignment)}`)
        }
      }
    }
    await read(bootstrap, topic, 10, {
      group: topic,
      last: async (consumer) => {
        await consumer.commitOffsets([{ topic, partition: 0, offset: '10' }])
        say(`listed ${f.clean((await admin.listGroups()).groups.filter((g) => g.groupId === topic))}`)
        await describe()
        say(`delete while in use ${f.clean((await attempt(admin.deleteGroups([topic])))[0])}`)
      }
    })
    await describe()
    for (const what of ['delete', 'delete again']) say(`${what} ${f.clean((await attempt(admin.deleteGroups([topic])))[0])}`)
    await describe()
  },

  async 'admin-offsets' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    const groupId = topic
    const listed = async () => say(f.clean((await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions.sort((a, b) => a.partition - b.partition)))
    await write(bootstrap, topic, f.numbers(10))
    say(`set ${(await attempt(admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '5' }, { partition: 1, offset: '0' }] })))[0]}`)
    await listed()
    say(`reset ${(await attempt(admin.resetOffsets({ groupId, topic, earliest: false })))[0]}`)
    await listed()
  },

  async 'error-topics' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    for (const [what, ...wanted] of [['exists', topic, 1, 1], ['no partitions', topic + '-a', 0, 1], ['too many replicas', topic + '-a', 1, 3],
      ['bad name', 'a topic with spaces', 1, 1], ['bad setting', topic + '-a', 1, 1, { 'retention.ms': 'soon' }]]) {
      say(`${what}: ${f.clean(await attempt(admin.createTopics({ topics: [topicSpec(...wanted)], waitForLeaders: false })))}`)
    }
    say(`delete unknown: ${(await attempt(admin.deleteTopics({ topics: ['no-' + topic] })))[0]}`)
    say(`describe unknown: ${(await attempt(admin.fetchTopicMetadata({ topics: ['no-' + topic] })))[0]}`)
  },

  async 'error-configs' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    for (const [what, name, key, value] of [['bad number', topic, 'retention.ms', 'soon'], ['bad word', topic, 'cleanup.policy', 'keep'],
      ['unknown setting', topic, 'no.such.setting', '1'], ['unknown topic', 'no-' + topic, 'retention.ms', '1']]) {
      say(`${what}: ${(await attempt(admin.alterConfigs({ resources: [{ type: 2, name, configEntries: [{ name: key, value }] }] })))[0]}`)
    }
    say(`describe unknown: ${(await attempt(admin.describeConfigs({ resources: [{ type: 2, name: 'no-' + topic }] })))[0]}`)
  },

  async 'error-produce' (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing, 1, { 'max.message.bytes': '2000' })
    for (const [what, size] of [['too large', 3000], ['fits', 1000]]) {
      say(`${what}: ${(await attempt(write(bootstrap, topic, [{ value: Buffer.alloc(size) }])))[0]}`)
    }
    await create(bootstrap, topic + '-c', closing, 1, { 'cleanup.policy': 'compact' })
    say(`no key on a compacted topic: ${(await attempt(write(bootstrap, topic + '-c', f.numbers(1))))[0]}`)
    say(`unknown topic: ${(await attempt(write(bootstrap, 'no-' + topic, f.numbers(1))))[0]}`)
  },

  async 'error-consume' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    for (const name of ['no-' + topic, 'bad name!']) say(`offsets of ${name}: ${(await attempt(admin.fetchTopicOffsets(name)))[0]}`)
    const consumer = await connected(kafka(bootstrap).consumer({ groupId: topic, allowAutoTopicCreation: false }), closing)
    say(`subscribe to an unknown topic: ${(await attempt(consumer.subscribe({ topics: ['no-' + topic] })))[0]}`)
  },

  async 'error-groups' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    const [what, answer] = await attempt(admin.describeGroups(['no-' + topic]))
    say(`describe unknown: ${what} ${f.clean(answer)}`)
    say(`delete unknown: ${(await attempt(admin.deleteGroups(['no-' + topic])))[0]}`)
    await write(bootstrap, topic, f.numbers(1))
    await read(bootstrap, topic, 1, {
      group: topic,
      last: async (consumer) => say(`large metadata: ${(await attempt(consumer.commitOffsets([{ topic, partition: 0, offset: '1', metadata: 'm'.repeat(5000) }])))[0]}`)
    })
  }
}

const absent = { eof: 'its consumer has no event for the end of a partition' }

async function setup (bootstrap, topic, partitions, count) {
  const admin = await create(bootstrap, topic, null, partitions)
  await admin.disconnect()
  for (let partition = 0; partition < partitions; partition++) await write(bootstrap, topic, f.numbers(count), { partition })
}

async function member (bootstrap, group, topic, options) {
  const consumer = kafka(bootstrap).consumer({ groupId: group, sessionTimeout: Number(options.session || 1500), rebalanceTimeout: 5000, heartbeatInterval: 300, maxWaitTimeInMs: 200 })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => f.assigned(payload.memberAssignment[topic] || []))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      f.tell(`got ${partition} ${message.offset}`)
      try {
        await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
      } catch (error) {
        f.tell(`commit failed ${outcome(error)}`)
        throw error
      }
    }
  })
  await f.stopAsked()
  await consumer.disconnect()
}

f.start({ features, absent, setup, member })
