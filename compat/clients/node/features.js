// What the Node.js programs of the matrix share: the modes of a program, the text it prints, what is written and how it is shown.
// compat/README.md has the protocol and what each feature is; clients/python/features.py is its twin.
'use strict'
const crypto = require('crypto')

const T0 = 1700000000000 // the timestamp of the first record where timestamps are given
const bytes = (...b) => Buffer.from(b)
const text = (s) => Buffer.from(s)

// Headers are pairs: a program turns them into what its client takes.
const SHAPES = [
  { key: null, value: text('no key'), headers: [] },
  { key: text('no value'), value: null, headers: [] },
  { key: text(''), value: text(''), headers: [] },
  { key: text('key'), value: text('headers'), headers: [['h', text('v')], ['null', null], ['empty', text('')], ['h', text('again')]] },
  { key: text('schlüssel-鍵'), value: text('Ωδραδέκ 🧵'), headers: [['köpfe', text('ü')]] },
  { key: bytes(0, 0xff, 0xfe), value: bytes(0xc3, 0x28, 0), headers: [] }
]

const codecRecords = () =>
  Array.from({ length: 200 }, (_, i) => ({ key: text(String(i)), value: text(`record ${i} ` + 'odradek '.repeat(i % 50)) }))
const numbers = (n) => Array.from({ length: n }, (_, i) => ({ value: text(String(i)), timestamp: T0 + i }))

function large () {
  const value = Buffer.alloc(1048000)
  for (let i = 0; i < value.length; i++) value[i] = i * 7 + Math.floor(i / 251)
  return [{ key: text('large'), value }]
}

const digest = (data) => crypto.createHash('sha256').update(data).digest('hex').slice(0, 16)

function show (data) {
  if (data === null || data === undefined) return 'null'
  data = Buffer.from(data)
  return data.length <= 40 ? '0x' + data.toString('hex') : `${data.length} bytes ${digest(data)}`
}

function showRecord (offset, key, value, headers) {
  return `${offset} key=${show(key)} value=${show(value)} headers=[${headers.map(([k, v]) => `${k}=${show(v)}`).join(' ')}]`
}

// One line for many records, each { offset, key, value }.
function showAll (records) {
  if (!records.length) return '0 records'
  const all = Buffer.concat(records.flatMap((r) => [text(`${r.offset} `), r.key || text(''), text(' '), r.value || text(''), text('\n')]))
  return `${records.length} records from ${records[0].offset} to ${records[records.length - 1].offset} ${digest(all)}`
}

function showRead (records) {
  return records.map((r) => [r.partition, Number(r.offset)]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([p, o]) => `${p}:${o}`).join(' ')
}

function showTime (millis) {
  millis = Number(millis)
  if (millis >= T0 && millis < T0 + 1000) return String(millis - T0)
  return Math.abs(Date.now() - millis) < 60000 ? 'now' : String(millis)
}

// JSON in one order, without what differs from run to run.
function clean (data, dropped = []) {
  return JSON.stringify(data, (key, value) => {
    if (dropped.includes(key)) return undefined
    if (typeof value === 'bigint') return Number(value)
    if (value instanceof Map) value = Object.fromEntries(value)
    if (value && typeof value === 'object' && !Array.isArray(value) && !Buffer.isBuffer(value)) {
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    }
    return value
  })
}

const tell = (line) => process.stdout.write(line + '\n')
const assigned = (partitions) => tell('assigned ' + [...partitions].map(Number).sort((a, b) => a - b).join(','))
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// Waits for a condition, for a minute at most.
async function until (condition, seconds = 60) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await delay(20)) {
    if (await condition()) return true
  }
  return false
}

// A member leaves when a line comes or its input ends.
const stopAsked = () => new Promise((resolve) => {
  process.stdin.once('data', resolve)
  process.stdin.once('end', resolve)
})

async function run (features, absent, bootstrap, nonce, names) {
  for (const name of names) {
    if (absent[name]) {
      tell(`${name}: skip ${absent[name]}`)
      continue
    }
    const topic = `${name}-${nonce}`
    const say = (line) => tell(`${name}: ${String(line).replaceAll(topic, 'TOPIC').split('\n')[0]}`)
    tell(`${name}: begin`)
    const cleanups = []
    try {
      await features[name](say, bootstrap, topic, (f) => cleanups.push(f))
    } catch (error) {
      if (process.env.MATRIX_TRACE) console.error(error)
      say(`failed ${error.name} ${error.message}`.slice(0, 300))
    }
    for (const f of cleanups.reverse()) await Promise.race([Promise.resolve().then(f).catch(() => {}), delay(5000)])
    tell(`${name}: done`)
  }
}

// features are played; absent has what the client does not have, with the reason.
async function main ({ features, absent, setup, member }) {
  const [mode, ...args] = process.argv.slice(2)
  if (mode === 'run') await run(features, absent, args[0], args[1], args.slice(2))
  else if (mode === 'setup') await setup(args[0], args[1], Number(args[2]), Number(args[3]))
  else if (mode === 'member') {
    await member(args[0], args[1], args[2], Object.fromEntries(args.slice(3).map((a) => a.split('='))))
    tell('left')
  }
}

function start (program) {
  process.on('unhandledRejection', (error) => { if (process.env.MATRIX_TRACE) console.error(error) })
  main(program).then(() => process.exit(0), (error) => {
    console.error(error)
    process.exit(1)
  })
}

module.exports = { T0, SHAPES, codecRecords, numbers, large, show, showRecord, showAll, showRead, showTime, clean, tell, assigned, delay, until, stopAsked, start }
