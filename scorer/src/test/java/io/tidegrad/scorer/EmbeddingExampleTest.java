package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.TypedEvent;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The examples of `docs/scoring.md`, compiled and run.
class EmbeddingExampleTest {
    @TempDir
    Path directory;

    @Test
    @LongProof("an application is compiled and started")
    void theDocumentedExampleRuns() throws Exception {
        String model = TestBroker.newModelName();
        try (TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model).createTopic()) {
            publisher.publish(TestTrainer.of(model).learn(20).publish());
            assertThat(chanceOfDelay(TestBroker.bootstrapServers(), model)).isBetween(0f, 1f);
        }
    }

    @Test
    void theDocumentedPathWithoutAllocationRuns() throws IOException {
        TestTrainer trainer = TestTrainer.of("flights").learn(20);
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        SnapshotFile.write(SnapshotFile.Head.of(trainer.publish().manifest(), trainer.model().spec().yaml()),
                trainer.model().parameters(), file);
        Path path = Files.write(directory.resolve("flights.snapshot"), file.toByteArray());
        assertThat(latestOf(path, new long[]{100, 2_586})).isBetween(0f, 1f);
    }

    @Test
    void theDocumentationShowsThisCode() throws IOException {
        Path root = Path.of(System.getProperty("tidegrad.root"));
        String documentation = Files.readString(root.resolve("docs/scoring.md"));
        String source =
                Files.readString(root.resolve("scorer/src/test/java/io/tidegrad/scorer/EmbeddingExampleTest.java"));
        for (String name : List.of("example", "handles")) {
            String example = source
                    .substring(source.indexOf("// tag::" + name) + 8 + name.length(), source.indexOf("// end::" + name))
                    .stripTrailing().stripIndent().strip();
            assertThat(documentation).contains("<!-- " + name + " -->\n```java\n" + example + "\n```");
            assertThat(example.lines().count()).isLessThanOrEqualTo(20);
        }
    }

    private static float chanceOfDelay(String kafka, String model) throws InterruptedException {
        // tag::example
        ScorerOptions options = ScorerOptions.of(model, Map.of("bootstrap.servers", kafka));
        try (Scorer scorer = Scorer.open(options)) {
            if (!scorer.awaitReady(Duration.ofSeconds(30))) {
                throw new IllegalStateException("no model yet: " + scorer.status().followerDetail());
            }
            Map<String, Object> flight =
                    Map.of("departed", "2001-05-01T08:30:00Z", "distance", 2586, "origin", "SFO", "destination", "JFK");
            Prediction late = scorer.score(flight);
            System.out.printf("p = %.3f by version %d.%d (%d ms old)%n", late.probabilities()[0], late.epoch(),
                    late.version(), late.freshnessMs());
            return late.probabilities()[0];
        }
        // end::example
    }

    private static float latestOf(Path file, long[] distances) throws IOException {
        float latest = 0;
        // tag::handles
        try (Scorer scorer = Scorer.open(file)) {
            ScoringSession session = scorer.newSession(); // one a thread
            TypedEvent event = scorer.newEvent();
            int departed = event.field("departed");
            int distance = event.field("distance");
            event.set(event.field("origin"), "SFO").set(event.field("destination"), "JFK");
            for (long miles : distances) {
                event.set(departed, 988_705_800_000L).set(distance, miles);
                Rejection rejection = session.score(event); // 0 bytes a call
                if (rejection == null) {
                    latest = session.probability(0);
                }
            }
        }
        // end::handles
        return latest;
    }
}
