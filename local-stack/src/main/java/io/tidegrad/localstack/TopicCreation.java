package io.tidegrad.localstack;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;

/// Creates topics, and returns when brokers know them. The controller has made them when it answers; a busy broker learns of
/// that later. Until then it says that there are no such topics, and refuses what is written to them: of what an idempotent
/// producer sends at once, it may take the second batch before the first, which it then refuses for ever as out of order.
public final class TopicCreation {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration AGAIN = Duration.ofMillis(10);

    private TopicCreation() {}

    /// Creates a topic with one partition, which has a total order of records.
    ///
    /// @param settings settings of the topic; the broker's defaults apply to others
    /// @throws LocalStackException the topic exists already, or Kafka does not answer
    public static void onePartition(String bootstrapServers, String topic, Map<String, String> settings) {
        try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers))) {
            create(admin, new NewTopic(topic, Optional.of(1), Optional.empty()).configs(settings));
        }
    }

    /// Creates all of them at once.
    ///
    /// @param topics each with its number of partitions
    /// @throws LocalStackException one of the topics exists already, or Kafka does not answer
    public static void create(Admin admin, NewTopic... topics) {
        Set<String> names = Arrays.stream(topics).map(NewTopic::name).collect(Collectors.toSet());
        try {
            admin.createTopics(List.of(topics)).all().get();
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (!admin.listTopics().names().get().containsAll(names)) {
                if (System.nanoTime() - deadline > 0) {
                    throw new LocalStackException("expected the broker to know the topics " + names + " within "
                            + PATIENCE.toSeconds() + " s after they were created, found that it doesn't");
                }
                LockSupport.parkNanos(AGAIN.toNanos());
            }
            admin.listOffsets(ends(topics)).all().get(); // each leader answers once it has the partition
        } catch (ExecutionException e) {
            throw new LocalStackException("can't create the topics " + names + ": " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalStackException("interrupted while the topics " + names + " were created", e);
        }
    }

    private static Map<TopicPartition, OffsetSpec> ends(NewTopic... topics) {
        return Arrays.stream(topics)
                .flatMap(topic -> IntStream.range(0, topic.numPartitions())
                        .mapToObj(partition -> new TopicPartition(topic.name(), partition)))
                .collect(Collectors.toMap(each -> each, each -> OffsetSpec.latest()));
    }
}
