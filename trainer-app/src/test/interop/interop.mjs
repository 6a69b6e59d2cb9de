// Confluent's own client as the other end of our serializers. Values go over standard input and output as base64, so
// that whoever runs this needs no second Kafka client:
//
//   node interop.mjs write <registry url> <topic>   in: {"schema": <Avro schema>, "records": [...]}   out: a value a line
//   node interop.mjs read  <registry url> <topic>   in: a value a line                                out: JSON a line
//
// Union values are plain (12.5, not {"double": 12.5}). write registers the schema under <topic>-value and writes by it; read finds schemas by the ids in the values.
import registry from '@confluentinc/schemaregistry';

const {SchemaRegistryClient, SerdeType, AvroSerializer, AvroDeserializer} = registry;
const [command, url, topic] = process.argv.slice(2);

async function standardInput() {
  const chunks = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function write(client) {
  const {schema, records} = JSON.parse(await standardInput());
  await client.register(`${topic}-value`, {schemaType: 'AVRO', schema: JSON.stringify(schema)});
  const serializer = new AvroSerializer(client, SerdeType.VALUE, {useLatestVersion: true});
  for (const record of records) {
    console.log((await serializer.serialize(topic, record)).toString('base64'));
  }
}

async function read(client) {
  const deserializer = new AvroDeserializer(client, SerdeType.VALUE, {});
  for (const line of (await standardInput()).split('\n').filter((l) => l.length > 0)) {
    console.log(JSON.stringify(await deserializer.deserialize(topic, Buffer.from(line, 'base64'))));
  }
}

const commands = {write, read};
if (!(command in commands) || url === undefined || topic === undefined) {
  console.error('expected: interop.mjs write|read <registry url> <topic>');
  process.exit(2);
}
await commands[command](new SchemaRegistryClient({baseURLs: [url]}));
