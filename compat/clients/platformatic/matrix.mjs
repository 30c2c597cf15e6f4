// The matrix through @platformatic/kafka. What a program of the matrix does: clients/node/features.js.
import { createRequire } from 'node:module'
import { Admin, Consumer, Producer } from '@platformatic/kafka'

const f = createRequire(import.meta.url)('./features.cjs')
const base = (bootstrap) => ({ clientId: 'matrix', bootstrapBrokers: [bootstrap], retries: 3, retryDelay: 50, timeout: 30000 })

// The protocol errors inside what was thrown, by number.
function outcome (error) {
  const inner = []
  const visit = (e) => {
    if (!e) return
    if (e.apiCode !== undefined && e.apiId) inner.push(`${e.apiId} ${e.serverErrorMessage || ''}`.trim())
    for (const sub of e.errors || []) visit(sub)
    if (e.cause) visit(e.cause)
  }
  visit(error)
  return inner.length ? [...new Set(inner)].join(', ') : `${error.code || error.name} ${error.message}`
}

async function attempt (promise) {
  try {
    return ['ok', await promise]
  } catch (error) {
    return [outcome(error), undefined]
  }
}

function adminOf (bootstrap, closing) {
  const admin = new Admin(base(bootstrap))
  if (closing) closing(() => admin.close())
  return admin
}

const configsOf = (configs) => Object.entries(configs || {}).map(([name, value]) => ({ name, value }))

async function create (bootstrap, topic, closing, partitions = 1, configs) {
  const admin = adminOf(bootstrap, closing)
  await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs: configsOf(configs) })
  await visible(admin, topic, partitions)
  return admin
}

const visible = (admin, topic, partitions) => f.until(async () => {
  try {
    const t = (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)
    return t.partitions.length === partitions && t.partitions.every((p) => p.leader >= 0)
  } catch { return false }
})

async function write (bootstrap, topic, records, { partition = 0, timed, ...options } = {}) {
  const producer = new Producer({ ...base(bootstrap), autocreateTopics: false })
  try {
    const messages = records.map((r) => {
      const m = { topic, key: r.key ?? undefined, value: r.value ?? undefined, headers: new Map((r.headers || []).map(([k, v]) => [Buffer.from(k), v])) }
      if (partition !== null) m.partition = partition
      if (timed) m.timestamp = BigInt(r.timestamp)
      return m
    })
    return await producer.send({ messages, acks: -1, ...options })
  } finally {
    await producer.close()
  }
}

// Reads n records as a member of a group; from a place when one is given.
async function read (bootstrap, topic, n, { group = 'reader-' + topic, seconds = 60, at, mode = 'earliest', last, options = {}, consuming = {} } = {}) {
  const consumer = new Consumer({ ...base(bootstrap), groupId: group, autocommit: false, maxWaitTime: 200, sessionTimeout: 45000, heartbeatInterval: 300, ...options })
  const got = []
  try {
    const stream = await consumer.consume({
      topics: [topic], autocommit: false, ...consuming, ...(at === undefined ? { mode } : { mode: 'manual', offsets: [{ topic, partition: 0, offset: BigInt(at) }] })
    })
    let failed
    stream.on('data', (m) => got.push(m))
    stream.on('error', (error) => { failed = error })
    await f.until(() => got.length >= n || failed, seconds)
    if (failed) throw failed
    if (last) await last(consumer, got)
  } finally {
    await consumer.close(true)
  }
  return got
}

const writeAndRead = (records, options) => async (say, bootstrap, topic, closing) => {
  await create(bootstrap, topic, closing)
  const told = await write(bootstrap, topic, records, options)
  say(`written ${f.clean(told.offsets.map((o) => [o.partition, o.offset]))}`)
  const got = await read(bootstrap, topic, records.length)
  if (records.length > 10) return say(f.showAll(got))
  for (const m of got) say(f.showRecord(m.offset, m.key, m.value, [...m.headers].map(([k, v]) => [k.toString(), v])))
}

const features = {
  'codec-none': writeAndRead(f.codecRecords()),
  'codec-gzip': writeAndRead(f.codecRecords(), { compression: 'gzip' }),
  'codec-snappy': writeAndRead(f.codecRecords(), { compression: 'snappy' }),
  'codec-lz4': writeAndRead(f.codecRecords(), { compression: 'lz4' }),
  'codec-zstd': writeAndRead(f.codecRecords(), { compression: 'zstd' }),
  shapes: writeAndRead(f.SHAPES),
  large: writeAndRead(f.large()),
  idempotent: writeAndRead(f.codecRecords(), { idempotent: true }),

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
    const ends = await admin.listOffsets({ topics: [{ name: topic, partitions: [0, 1, 2, 3].map((partitionIndex) => ({ partitionIndex, timestamp: -1n })) }] })
    say(f.clean(ends[0].partitions.map((p) => [p.partitionIndex, p.offset]).sort()))
  },

  async acks (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing)
    for (const acks of [0, 1, -1]) say(`${acks} ${(await attempt(write(bootstrap, topic, f.numbers(1), { acks })))[0]}`)
    say(f.showAll(await read(bootstrap, topic, 3)))
  },

  async times (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10), { timed: true })
    for (const at of [-1n, -2n, -3n, ...[-5, 0, 4, 9, 10].map((t) => BigInt(f.T0 + t))]) {
      const [what, found] = await attempt(admin.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: at }] }] }))
      const p = found?.[0].partitions[0]
      say(`${at < 0 ? at : at - BigInt(f.T0)}: ${what} ${p ? `${p.offset} ${p.timestamp < 0 ? 'none' : f.showTime(p.timestamp)}` : ''}`)
    }
    say(f.showAll(await read(bootstrap, topic, 4, { at: 6 })))
  },

  // The client seeks by where its stream begins.
  async seek (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10))
    for (const at of [5, 0, 9]) {
      const [m] = await read(bootstrap, topic, 1, { at })
      say(`at ${at}: ${m && m.offset} ${m && f.show(m.value)}`)
    }
    say(`the end: ${(await read(bootstrap, topic, 1, { at: 10, seconds: 1 })).length}`)
  },

  async reset (say, bootstrap, topic, closing) {
    await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10))
    const [what, got] = await attempt(read(bootstrap, topic, 1, { at: 100, seconds: 3 }))
    say(`out of range: ${what} ${got ? got.length : ''}`)
    const [fail] = await attempt(read(bootstrap, topic, 1, { mode: 'committed', group: topic, seconds: 3, consuming: { fallbackMode: 'fail' } }))
    say(`nothing committed: ${fail}`)
  },

  async commit (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    for (const partition of [0, 1]) await write(bootstrap, topic, f.numbers(10), { partition })
    const committed = async () => {
      const [group] = await admin.listConsumerGroupOffsets({ groups: [topic] })
      say(`committed ${f.clean(group.topics[0].partitions.map((p) => [p.partitionIndex, p.committedOffset, p.metadata]).sort())}`)
    }
    const commit = (consumer, offsets) => consumer.commit({ offsets: offsets.map((offset, partition) => ({ topic, partition, offset, leaderEpoch: 0 })) })
    const run = { group: topic, mode: 'committed', consuming: { fallbackMode: 'earliest' } }
    const first = await read(bootstrap, topic, 20, { ...run, last: (consumer) => commit(consumer, [7n, 3n]) })
    say(`first run read ${first.length}`)
    await committed()
    const second = await read(bootstrap, topic, 10, { ...run, last: (consumer) => commit(consumer, [10n, 10n]) })
    say(`second run read ${f.showRead(second)}`)
    say(`third run read ${(await read(bootstrap, topic, 1, { ...run, seconds: 1.5 })).length}`)
    await committed()
  },

  async 'admin-topics' (say, bootstrap, topic, closing) {
    const admin = adminOf(bootstrap, closing)
    const [what, made] = await attempt(admin.createTopics({ topics: [topic], partitions: 3, replicas: 1, configs: configsOf({ 'retention.ms': '3600000' }) }))
    say(`create ${what} ${made.map((t) => `${t.partitions} ${t.replicas} ${Object.keys(t.configuration).length} ${t.configuration['retention.ms']?.value ?? t.configuration['retention.ms']}`)}`)
    await visible(admin, topic, 3)
    say(`listed ${(await admin.listTopics()).filter((t) => t === topic).length}`)
    const t = (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)
    t.partitions.forEach((p, i) => say(`partition ${i} ${p.leader} ${p.replicas} ${p.isr}`))
    say(`delete ${(await attempt(admin.deleteTopics({ topics: [topic] })))[0]}`)
    say(`gone ${await f.until(async () => !(await admin.listTopics()).includes(topic))}`)
  },

  async 'admin-configs' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 1, { 'retention.ms': '3600000' })
    const described = async (resourceType, resourceName, configurationKeys) => {
      const [what, answer] = await attempt(admin.describeConfigs({ resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms: true }))
      if (answer) answer[0].configs.sort((a, b) => (a.name < b.name ? -1 : 1))
      return `${what} ${f.clean(answer && answer[0].configs, ['documentation'])}`
    }
    say(await described(2, topic, ['retention.ms', 'cleanup.policy', 'max.message.bytes']))
    for (const [name, configOperation, value] of [['retention.ms', 0, '7200000'], ['retention.ms', 1, null], ['cleanup.policy', 2, 'compact'], ['cleanup.policy', 3, 'delete']]) {
      const before = await described(2, topic, [name])
      say(`${configOperation} ${name} ${(await attempt(admin.incrementalAlterConfigs({ resources: [{ resourceType: 2, resourceName: topic, configs: [{ name, configOperation, value }] }] })))[0]}`)
      await f.until(async () => await described(2, topic, [name]) !== before)
      say(await described(2, topic, [name]))
    }
    say(await described(4, '1', ['node.id', 'num.partitions', 'log.retention.hours']))
  },

  async 'admin-partitions' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    for (const count of [4, 2, 4, 5]) say(`${count}: ${(await attempt(admin.createPartitions({ topics: [{ name: topic, count, assignments: null }] })))[0]}`)
    say(`five ${await visible(admin, topic, 5)}`)
  },

  async 'admin-records' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    await write(bootstrap, topic, f.numbers(10))
    for (const offset of [4n, -1n, 99n]) say(`before ${offset}: ${f.clean(await attempt(admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset }] }] })))}`)
  },

  async 'admin-cluster' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    const meta = await admin.metadata({ forceUpdate: true })
    say(`brokers ${[...meta.brokers.keys()]} controller=${meta.controllerId}`)
    await write(bootstrap, topic, f.numbers(1))
    const [what, dirs] = await attempt(admin.describeLogDirs({ topics: [{ name: topic, partitions: [0] }] }))
    say(`log dirs ${what} ${dirs && dirs.map((d) => `${d.broker}:${d.results.length}`)}`)
    const [quotas] = await attempt(admin.describeClientQuotas({ components: [] }))
    say(`quotas ${quotas}`)
    const [acls] = await attempt(admin.describeAcls({ filter: { resourceType: 1, resourceName: null, resourcePatternType: 1, principal: null, host: null, operation: 1, permissionType: 1 } }))
    say(`acls ${acls}`)
  },

  async 'admin-groups' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    await write(bootstrap, topic, f.numbers(10))
    const describe = async () => {
      const [what, groups] = await attempt(admin.describeGroups({ groups: [topic] }))
      say(`described ${what}`)
      for (const g of groups ? groups.values() : []) {
        say(`${g.state} ${g.protocolType} ${g.protocol}`)
        for (const m of g.members.values()) say(`member ${m.clientId} ${m.clientHost} ${f.clean([...(m.assignments?.values() || [])])}`)
      }
    }
    await read(bootstrap, topic, 10, {
      group: topic,
      last: async (consumer) => {
        await consumer.commit({ offsets: [{ topic, partition: 0, offset: 10n, leaderEpoch: 0 }] })
        say(`listed ${f.clean((await admin.listGroups()).get(topic))}`)
        await describe()
        say(`delete while in use ${(await attempt(admin.deleteGroups({ groups: [topic] })))[0]}`)
      }
    })
    await describe()
    for (const what of ['delete', 'delete again']) say(`${what} ${(await attempt(admin.deleteGroups({ groups: [topic] })))[0]}`)
  },

  async 'admin-offsets' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing, 2)
    const listed = async (group) => {
      const [what, found] = await attempt(admin.listConsumerGroupOffsets({ groups: [group] }))
      say(`listed ${what} ${f.clean((found?.[0].topics || []).flatMap((t) => t.partitions.map((p) => [p.partitionIndex, p.committedOffset, p.metadata])).sort())}`)
    }
    say(`altered ${(await attempt(admin.alterConsumerGroupOffsets({ groupId: topic, topics: [{ name: topic, partitionOffsets: [{ partition: 0, offset: 5n }, { partition: 1, offset: 0n }] }] })))[0]}`)
    await listed(topic)
    say(`deleted ${(await attempt(admin.deleteConsumerGroupOffsets({ groupId: topic, topics: [{ name: topic, partitionIndexes: [0] }] })))[0]}`)
    await listed(topic)
    await listed('no-' + topic)
  },

  async 'error-topics' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    for (const [what, name, partitions, replicas, configs] of [['exists', topic, 1, 1], ['no partitions', topic + '-a', 0, 1], ['too many replicas', topic + '-a', 1, 3],
      ['bad name', 'a topic with spaces', 1, 1], ['bad setting', topic + '-a', 1, 1, { 'retention.ms': 'soon' }]]) {
      say(`${what}: ${(await attempt(admin.createTopics({ topics: [name], partitions, replicas, configs: configsOf(configs) })))[0]}`)
    }
    say(`delete unknown: ${(await attempt(admin.deleteTopics({ topics: ['no-' + topic] })))[0]}`)
    say(`describe unknown: ${(await attempt(admin.metadata({ topics: ['no-' + topic] })))[0]}`)
  },

  async 'error-configs' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    for (const [what, resourceName, name, value] of [['bad number', topic, 'retention.ms', 'soon'], ['bad word', topic, 'cleanup.policy', 'keep'],
      ['unknown setting', topic, 'no.such.setting', '1'], ['unknown topic', 'no-' + topic, 'retention.ms', '1']]) {
      say(`${what}: ${(await attempt(admin.incrementalAlterConfigs({ resources: [{ resourceType: 2, resourceName, configs: [{ name, configOperation: 0, value }] }] })))[0]}`)
    }
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
    for (const [name, partitionIndex] of [['no-' + topic, 0], [topic, 7], ['bad name!', 0]]) {
      say(`offsets of ${name} ${partitionIndex}: ${(await attempt(admin.listOffsets({ topics: [{ name, partitions: [{ partitionIndex, timestamp: -1n }] }] })))[0]}`)
    }
    say(`a partition that is not there: ${(await attempt(read(bootstrap, 'no-' + topic, 1, { seconds: 2 })))[0]}`)
  },

  async 'error-groups' (say, bootstrap, topic, closing) {
    const admin = await create(bootstrap, topic, closing)
    say(`delete unknown: ${(await attempt(admin.deleteGroups({ groups: ['no-' + topic] })))[0]}`)
    const wanted = { groupId: topic, topics: [{ name: 'no-' + topic, partitionOffsets: [{ partition: 0, offset: 5n }] }] }
    say(`commit for an unknown topic: ${(await attempt(admin.alterConsumerGroupOffsets(wanted)))[0]}`)
  }
}

const absent = { eof: 'its consumer has no event for the end of a partition' }

async function setup (bootstrap, topic, partitions, count) {
  const admin = await create(bootstrap, topic, null, partitions)
  await admin.close()
  for (let partition = 0; partition < partitions; partition++) await write(bootstrap, topic, f.numbers(count), { partition })
}

async function member (bootstrap, group, topic, options) {
  const joining = options.protocol === 'consumer'
    ? { groupProtocol: 'consumer' }
    : { sessionTimeout: Number(options.session || 1500), heartbeatInterval: 300, rebalanceTimeout: Number(options.session || 5000) }
  if (options.instance) joining.groupInstanceId = options.instance
  // A node may be away for longer than three tries.
  const consumer = new Consumer({ ...base(bootstrap), retries: 1000, retryDelay: 200, groupId: group, autocommit: false, maxWaitTime: 200, ...joining })
  let last
  const watch = setInterval(() => {
    const now = (consumer.assignments || []).filter((a) => a.topic === topic).flatMap((a) => a.partitions).sort()
    if (!consumer.assignments || JSON.stringify(now) === last) return
    f.assigned(now)
    last = JSON.stringify(now)
  }, 50)
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false })
  stream.on('error', (error) => f.tell(`failed ${outcome(error)}`))
  let committed = Promise.resolve() // one commit after the other: the last one is the newest
  stream.on('data', (m) => {
    f.tell(`got ${m.partition} ${m.offset}`)
    committed = committed.then(async () => {
      const [what] = await attempt(consumer.commit({ offsets: [{ topic, partition: m.partition, offset: m.offset + 1n, leaderEpoch: 0 }] }))
      if (what !== 'ok') f.tell(`commit failed ${what}`)
    })
  })
  await f.stopAsked()
  await committed
  clearInterval(watch)
  await consumer.close(true)
}

f.start({ features, absent, setup, member })
