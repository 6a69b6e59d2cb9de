package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.schemas.ConfluentAvroDeserializer;
import io.tidegrad.schemas.ConfluentAvroSerializer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// What a test of ours may expect of any [KafkaProvider]; the tests of the other modules stand on it and run with
/// either.
abstract class KafkaProviderContractTest {
    private static final Schema POINT = SchemaBuilder.record("Point").fields().requiredInt("x").endRecord();

    abstract KafkaProvider kafka();

    @Test
    void aReaderOfCommittedRecordsSeesCommittedTransactionsOnly() throws Exception {
        String bootstrap = kafka().bootstrapServers();
        Clients.createTopic(bootstrap, "contract-numbers", 1);
        try (var producer = Clients.transactionalProducer(bootstrap, "contract")) {
            producer.initTransactions();
            Clients.commit(producer, "contract-numbers", 0, 100);
            Clients.abort(producer, "contract-numbers", 100, 200);
            Clients.commit(producer, "contract-numbers", 200, 300);
        }
        List<String> expected = new java.util.ArrayList<>(Clients.values(0, 100));
        expected.addAll(Clients.values(200, 300));
        assertThat(Clients.readCommitted(bootstrap, "contract-numbers")).isEqualTo(expected);
    }

    @Test
    void anAvroRecordGoesThroughKafkaAndRegistryByTheNamesOfItsSerdes() throws Exception {
        String bootstrap = kafka().bootstrapServers();
        Clients.createTopic(bootstrap, "contract-points", 1);
        GenericRecord point = new GenericRecordBuilder(POINT).set("x", 5).build();
        try (var producer = new KafkaProducer<String, @Nullable GenericContainer>(Map.of("bootstrap.servers", bootstrap,
                "schema.registry.url", kafka().registryUrl(), "key.serializer", StringSerializer.class.getName(),
                "value.serializer", ConfluentAvroSerializer.class.getName()))) {
            producer.send(new ProducerRecord<>("contract-points", "key", point)).get();
        }
        try (var consumer = new KafkaConsumer<String, @Nullable GenericRecord>(Map.of("bootstrap.servers", bootstrap,
                "schema.registry.url", kafka().registryUrl(), "auto.offset.reset", "earliest", "key.deserializer",
                StringDeserializer.class.getName(), "value.deserializer", ConfluentAvroDeserializer.class.getName()))) {
            consumer.assign(List.of(new TopicPartition("contract-points", 0)));
            var records = consumer.poll(Duration.ofSeconds(60));
            assertThat(records).singleElement().satisfies(r -> assertThat(r.value()).isEqualTo(point));
        }
    }
}
