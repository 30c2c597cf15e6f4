// Logins through kafkajs: each case writes a record, reads it again, and says so, or why not.
//
//   logins.js CASES      `sasl/run` has what a case is; the lines are in the cases' order
const fs = require('fs')
const { Kafka, logLevel } = require('kafkajs')

const FIELDS = ['name', 'address', 'protocol', 'mechanism', 'user', 'password', 'token', 'ca', 'own', 'topic']
const PATIENCE_MS = 30000

function caseOf(line) {
  const values = line.split('\t')
  return Object.fromEntries(FIELDS.map((f, i) => [f, values[i] === '-' ? '' : values[i]]))
}

function settings(c, retries) {
  const out = { brokers: [c.address], logLevel: logLevel.NOTHING, retry: { retries }, connectionTimeout: 10000 }
  if (c.protocol.endsWith('SSL')) {
    out.ssl = { ca: [fs.readFileSync(c.ca)] }
    if (c.own) Object.assign(out.ssl, { cert: fs.readFileSync(`${c.own}.crt`), key: fs.readFileSync(`${c.own}.key`) })
  }
  if (c.token) out.sasl = { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: c.token }) }
  else if (c.user) out.sasl = { mechanism: c.mechanism.toLowerCase(), username: c.user, password: c.password }
  return out
}

function sees(consumer, value) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('its record is not there')), PATIENCE_MS).unref()
    consumer.on(consumer.events.CRASH, ({ payload }) => { if (!payload.restart) reject(payload.error) })
    consumer.run({ eachMessage: async ({ message }) => { if (message.value.equals(value)) resolve() } }).catch(reject)
  })
}

async function login(c) {
  const value = Buffer.from(`kafkajs ${c.name}`)
  const producer = new Kafka(settings(c, 0)).producer()
  try {
    await producer.connect()
    await producer.send({ topic: c.topic, messages: [{ value }] })
  } catch (e) {
    return `${e.name}: ${e.message}`
  } finally {
    await producer.disconnect()
  }
  // Either broker tells the first who asks for a coordinator that there is none yet; kafkajs asks again as often as its connections may be tried.
  const consumer = new Kafka(settings(c, 10)).consumer({ groupId: `kafkajs ${c.name}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [c.topic], fromBeginning: true })
  await sees(consumer, value)
  await consumer.disconnect()
  return 'let in'
}

// A promise that kafkajs never keeps would end the program.
function late() {
  return new Promise((resolve) => setTimeout(() => resolve('no answer'), PATIENCE_MS))
}

async function main() {
  const cases = fs.readFileSync(process.argv[2], 'utf8').trimEnd().split('\n').map(caseOf)
  const said = []
  let next = 0
  const worker = async () => {
    for (let i = next++; i < cases.length; i = next++) said[i] = await Promise.race([login(cases[i]).catch((e) => `${e.name}: ${e.message}`), late()])
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  cases.forEach((c, i) => console.log(`kafkajs, ${c.name}: ${said[i]}`))
}

main().then(() => process.exit(0))
