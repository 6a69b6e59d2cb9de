// A month of card payments and the chargebacks that come days after them, as a company's own programs would send them:
//
//   node producer.mjs 1    makes topics, registers schema 1, sends the first half of the month
//   node producer.mjs 2    registers schema 2, sends the second half: every other payment is written by it. At the end comes
//                          a tick, which tells the joiner that four more days have passed
//
// A payment is keyed by its card, a chargeback by its own number, and both topics have six partitions.
import {Kafka, logLevel} from 'kafkajs';
import registry from '@confluentinc/schemaregistry';

const DAY = 86_400_000;
const PAYMENTS = 20_000;
const BEGIN = (Math.floor(Date.now() / DAY) - 40) * DAY;
const BROKERS = process.env.TIDEGRAD_BOOTSTRAP_SERVERS ?? '127.0.0.1:9092';
const REGISTRY = process.env.TIDEGRAD_REGISTRY_URL ?? 'http://127.0.0.1:8081/apis/ccompat/v7';

const record = (name, ...fields) => ({type: 'record', name, fields});
const field = (name, type, rest) => ({name, type, ...rest});
const time = {type: 'long', logicalType: 'timestamp-millis'};

const payment = (...more) => record('Payment',
  field('transaction', record('Transaction',
    field('id', 'string'),
    field('authorized_at', time),
    field('amount', {type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2}),
    field('merchant', record('Merchant', field('country', 'string'), field('mcc', 'int'))),
    field('device', ['null', record('Device', field('os', 'string'), ...more)], {default: null}),
    field('attributes', {type: 'map', values: 'string'}),
    field('items', {type: 'array', items: record('Item', field('sku', 'string'), field('price', 'double'))}))));
const SCHEMAS = {
  payment1: payment(),
  payment2: payment(field('ip_country', ['null', 'string'], {default: null})),
  chargeback: record('Chargeback',
    field('payment_id', 'string'), field('reported_at', time), field('fraud', 'boolean')),
};

// Numbers that are the same in every run (mulberry32).
let state = 42;
function random() {
  state = (state + 0x6D2B79F5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const one = (...values) => values[Math.floor(random() * values.length)];

function decimal(cents) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(cents));
  return bytes;
}

// All that is sent in the month, in the order of its times: {topic, schema, key, at, value}.
function month() {
  const sent = [];
  for (let i = 0; i < PAYMENTS; i++) {
    const at = BEGIN + Math.floor(i / PAYMENTS * 30 * DAY);
    const id = `p-${String(i).padStart(6, '0')}`;
    const country = one('DE', 'DE', 'FR', 'NL', 'US', 'BR');
    const abroad = random() < 0.15; // the device is elsewhere: what schema 1 can't say
    const mcc = one(5411, 5812, 5732, 7995);
    const os = one('ios', 'android', 'windows', null);
    const cents = Math.round(Math.exp(2 + 3 * random()) * 100);
    const score = -6 + (mcc === 7995 ? 1.5 : 0) + (os === null ? 1 : 0) + Math.log(cents / 1000) + (abroad ? 4 : 0);
    const fraud = random() < 1 / (1 + Math.exp(-score));
    const second = i >= PAYMENTS / 2 && i % 2 === 0;
    const device = os === null ? null : second ? {os, ip_country: abroad ? 'XX' : country} : {os};
    sent.push({topic: 'payments', schema: second ? 'payment2' : 'payment1', key: `card-${i % 997}`, at, value: {transaction: {
      id, authorized_at: at, amount: decimal(cents), merchant: {country, mcc}, device,
      attributes: {channel: one('web', 'app', 'pos')},
      items: Array.from({length: 1 + Math.floor(random() * 3)}, () => ({sku: one('a', 'b', 'c'), price: cents / 100})),
    }}});
    // One chargeback in twenty is about something else than fraud.
    if (fraud || random() < 0.005) {
      const reported = at + 1000 + Math.floor(random() * 4 * DAY);
      sent.push({topic: 'chargebacks', schema: 'chargeback', key: `c-${id}`, at: reported,
        value: {payment_id: id, reported_at: reported, fraud}});
    }
  }
  const half = BEGIN + 15 * DAY;
  const end = BEGIN + 30 * DAY;
  return sent.sort((a, b) => a.at - b.at).filter(({at}) => process.argv[2] === '1' ? at < half : at >= half && at < end);
}

if (!['1', '2'].includes(process.argv[2])) {
  console.error('expected: node producer.mjs 1|2');
  process.exit(2);
}
const kafka = new Kafka({brokers: BROKERS.split(','), logLevel: logLevel.ERROR});
if (process.argv[2] === '1') {
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = [{name: 'retention.ms', value: String(90 * DAY)}];
  await admin.createTopics({topics: ['payments', 'chargebacks'].map(topic => ({topic, numPartitions: 6, configEntries}))});
  await admin.disconnect();
}

const client = new registry.SchemaRegistryClient({baseURLs: [REGISTRY]});
const serializers = {};
for (const [name, schema] of Object.entries(SCHEMAS).filter(([name]) => process.argv[2] === '2' || name !== 'payment2')) {
  const subject = name === 'chargeback' ? 'chargebacks-value' : 'payments-value';
  const useSchemaId = await client.register(subject, {schemaType: 'AVRO', schema: JSON.stringify(schema)});
  serializers[name] = new registry.AvroSerializer(client, registry.SerdeType.VALUE, {autoRegisterSchemas: false, useSchemaId});
}

const producer = kafka.producer();
await producer.connect();
const counts = {payments: 0, chargebacks: 0};
const sent = month();
for (let from = 0; from < sent.length; from += 500) {
  const topicMessages = [];
  for (const {topic, schema, key, value} of sent.slice(from, from + 500)) {
    topicMessages.push({topic, messages: [{key, value: await serializers[schema].serialize(topic, value)}]});
    counts[topic]++;
  }
  await producer.sendBatch({topicMessages, acks: -1});
}
if (process.argv[2] === '2') {
  const headers = {'tidegrad-tick': String(BEGIN + 34 * DAY)};
  await producer.send({topic: 'payments', messages: [{key: null, value: null, headers}]});
}
await producer.disconnect();
console.log(`sent ${counts.payments} payments and ${counts.chargebacks} chargebacks`);
