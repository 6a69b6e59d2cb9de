package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/// Retention that is faster than a reader: records that it is about to read are deleted, or the parts of a version are
/// and its manifest is not.
class RetentionRaceTest {
    private static final int VERSIONS = 30;
    private static final Duration SOON = Duration.ofSeconds(60);

    private final String model = TestBroker.newModelName();
    private final String topic = Topics.DEFAULT.snapshots(model);
    private final TopicPartition partition = new TopicPartition(topic, 0);
    private final TestTrainer trainer = TestTrainer.of(model);

    @Test
    void aReaderThatRetentionOvertakesGoesOnWithTheNewestWholeVersion() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", TestBroker.bootstrapServers()));
                TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model)) {
            admin.createTopics(
                    List.of(new NewTopic(topic, 1, (short) 1).configs(Map.of("cleanup.policy", "compact,delete"))))
                    .all().get();
            publisher.publish(trainer.learn(1).publishFull());
            try (Scorer scorer = Scorer.open(TestBroker.options(model));
                    Scorer alsoFromTheStart = Scorer.open(TestBroker.options(model))) {
                for (int i = 0; i < VERSIONS; i++) {
                    publisher.publish(i % 3 == 0 ? trainer.learn(1).publishFull() : trainer.learn(1).publishDelta());
                    // Up to its manifest, its marker, and behind it.
                    delete(admin, i % 3);
                }
                PublishedSnapshot last = trainer.learn(1).publishFull();
                publisher.publish(last);
                for (Scorer reader : List.of(scorer, alsoFromTheStart)) {
                    await().atMost(SOON).untilAsserted(() -> assertThat(version(reader)).as(reader.status().toString())
                            .isEqualTo(last.manifest().version()));
                    assertThat(reader.weightsHash()).isEqualTo(trainer.model().weightsHash());
                    assertThat(reader.admissions().after(0)).extracting(AdmissionLog.Entry::version).isSorted()
                            .doesNotHaveDuplicates();
                }
                System.out.println("overtaken by retention: admitted " + scorer.admissions().count() + " of "
                        + (VERSIONS + 2) + ", " + scorer.status().refused());
            }
        }
    }

    private void delete(Admin admin, int butRecords) throws Exception {
        long end = admin.listOffsets(Map.of(partition, OffsetSpec.latest())).partitionResult(partition).get().offset();
        admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(end - butRecords))).all().get();
    }

    private static long version(Scorer scorer) {
        ServedVersion served = scorer.current();
        return served == null ? -1 : served.version();
    }
}
