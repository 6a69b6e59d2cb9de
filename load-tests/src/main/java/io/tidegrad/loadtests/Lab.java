package io.tidegrad.loadtests;

import io.tidegrad.control.Decisions;
import io.tidegrad.control.StreamDecisions;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.jspecify.annotations.Nullable;

/// What a load test works with: brokers and registry as processes, a client of each, a client of all that answer over
/// HTTP, and a directory for files.
public record Lab(LocalStack stack, RunDirectory directory, SchemaRegistry registry, Admin admin,
        Json http) implements AutoCloseable {
    /// How long something may stand still.
    static final Duration WITHIN = Duration.ofSeconds(300);

    /// @param adminSettings of the admin client
    static Lab open(LocalStack stack, RunDirectory directory, Map<String, Object> adminSettings) {
        return new Lab(stack, directory, SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl())),
                KafkaClients.admin(stack.bootstrapServers(), adminSettings), new Json());
    }

    public String bootstrapServers() {
        return stack.bootstrapServers();
    }

    public String registryUrl() {
        return stack.registryUrl();
    }

    public Path logs() {
        return directory.logs();
    }

    public long brokerPid() {
        return stack.brokerProcess().pid();
    }

    /// The settings of the product's own clients.
    public KafkaSettings kafka() {
        return KafkaSettings.of(bootstrapServers());
    }

    public KafkaProducer<byte[], byte @Nullable []> writer(Map<String, Object> more) {
        return KafkaClients.writer(bootstrapServers(), more);
    }

    /// See [KafkaClients#reader].
    public KafkaConsumer<byte[], byte[]> reader(List<TopicPartition> partitions) {
        return KafkaClients.reader(bootstrapServers(), Map.of("max.poll.records", 10_000), partitions);
    }

    /// A consumer of what is written from now on.
    public KafkaConsumer<byte[], byte[]> readerOfNew(TopicPartition partition) throws InterruptedException {
        KafkaConsumer<byte[], byte[]> consumer = reader(List.of(partition));
        consumer.seek(partition, end(partition, IsolationLevel.READ_UNCOMMITTED));
        return consumer;
    }

    /// Reads everything that is committed now, also ticks.
    public void readAll(List<TopicPartition> partitions, Consumer<ConsumerRecord<byte[], byte[]>> each)
            throws InterruptedException {
        try (KafkaConsumer<byte[], byte[]> consumer = reader(partitions)) {
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long all = ends.values().stream().mapToLong(Long::longValue).sum();
            Await.reached("positions in " + partitions, all, WITHIN, () -> {
                consumer.poll(Duration.ofMillis(100)).forEach(each);
                return ends.entrySet().stream()
                        .mapToLong(end -> Math.min(end.getValue(), consumer.position(end.getKey()))).sum();
            });
        }
    }

    public List<TopicPartition> partitions(String topic) throws InterruptedException {
        return KafkaClients.answer(admin.describeTopics(List.of(topic)).allTopicNames()).values().iterator().next()
                .partitions().stream().map(each -> new TopicPartition(topic, each.partition())).toList();
    }

    /// One past the last record of each.
    public Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions, IsolationLevel isolation)
            throws InterruptedException {
        Map<TopicPartition, Long> ends = new HashMap<>();
        KafkaClients.answer(admin
                .listOffsets(partitions.stream().collect(Collectors.toMap(each -> each, each -> OffsetSpec.latest())),
                        new ListOffsetsOptions(isolation))
                .all()).forEach((each, end) -> ends.put(each, end.offset()));
        return ends;
    }

    /// One past the last record of a partition.
    public long end(TopicPartition partition, IsolationLevel isolation) throws InterruptedException {
        return ends(List.of(partition), isolation).getOrDefault(partition, 0L);
    }

    /// Of all partitions of some topics, on the disk of a broker whose number is 0.
    public long bytes(Predicate<String> topics) throws InterruptedException {
        return KafkaClients.answer(admin.describeLogDirs(List.of(0)).allDescriptions()).values().stream()
                .flatMap(each -> each.values().stream()).flatMap(each -> each.replicaInfos().entrySet().stream())
                .filter(each -> topics.test(each.getKey().topic())).mapToLong(each -> each.getValue().size()).sum();
    }

    /// The settings of a topic.
    public Config settings(String topic) throws InterruptedException {
        return KafkaClients.answer(admin.describeConfigs(Set.of(resource(topic))).all()).values().iterator().next();
    }

    /// Changes a setting of a topic.
    public void set(String topic, String key, String value) throws InterruptedException {
        AlterConfigOp change = new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
        KafkaClients.answer(admin.incrementalAlterConfigs(Map.of(resource(topic), List.of(change))).all());
    }

    private static ConfigResource resource(String topic) {
        return new ConfigResource(ConfigResource.Type.TOPIC, topic);
    }

    /// What a group has committed; nothing where there is no such group.
    public Map<TopicPartition, OffsetAndMetadata> committed(String group) throws InterruptedException {
        Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>();
        try {
            committed
                    .putAll(KafkaClients.answer(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()));
        } catch (LoadTestException e) {
            Throwable asked = e.getCause();
            if (asked == null || !(asked.getCause() instanceof GroupIdNotFoundException)) {
                throw e;
            }
        }
        committed.values().removeIf(Objects::isNull);
        return committed;
    }

    public void createTopics(List<String> topics, int partitions, Map<String, String> settings) {
        TopicCreation.create(admin, topics.stream()
                .map(topic -> new NewTopic(topic, partitions, (short) 1).configs(settings)).toArray(NewTopic[]::new));
    }

    /// Decides that there is a stream.
    public void createStream(Topics topics, String spec) {
        new StreamDecisions(kafka(), topics, admin, (short) -1, new Decisions.By("load-test", "a load test"))
                .create(StreamSpec.parse(spec, "spec of the load test"), null);
    }

    /// A fold of events in this process, which knows nothing of trainers and their topics. Its decoder is for one thread.
    public EventFold fold(ModelSpec spec) {
        return new EventFold(spec, OnlineModel.initial(spec, Kernels.active()),
                ValueDecoder.avro(spec, new AvroCodec(registry)));
    }

    @Override
    public void close() {
        http.close();
        admin.close(Duration.ZERO);
        registry.close();
    }
}
