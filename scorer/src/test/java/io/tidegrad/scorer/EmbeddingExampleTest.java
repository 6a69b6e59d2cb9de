package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// The example of `docs/scoring.md`, compiled and run.
class EmbeddingExampleTest {
    @Test
    void theDocumentedExampleRuns() throws Exception {
        String model = TestBroker.newModelName();
        try (TestPublisher publisher =
                new TestPublisher(TestBroker.bootstrapServers(), model).createTopic()) {
            publisher.publish(TestTrainer.of(model).learn(20).publish());
            assertThat(chanceOfDelay(TestBroker.bootstrapServers(), model)).isBetween(0f, 1f);
        }
    }

    @Test
    void theDocumentationShowsThisCode() throws IOException {
        Path root = Path.of(System.getProperty("tidegrad.root"));
        String documentation = Files.readString(root.resolve("docs/scoring.md"));
        String source =
                Files.readString(
                        root.resolve(
                                "scorer/src/test/java/io/tidegrad/scorer/EmbeddingExampleTest.java"));
        String example =
                source.substring(
                                source.indexOf("// tag::" + "example") + 16,
                                source.indexOf("// end::" + "example"))
                        .stripTrailing();
        assertThat(documentation)
                .contains("<!-- example -->\n```java\n" + example.stripIndent().strip() + "\n```");
    }

    private static float chanceOfDelay(String kafka, String model) throws InterruptedException {
        // tag::example
        ScorerOptions options = ScorerOptions.of(model, Map.of("bootstrap.servers", kafka));
        try (Scorer scorer = Scorer.open(options)) {
            if (!scorer.awaitReady(Duration.ofSeconds(30))) {
                throw new IllegalStateException(
                        "no model yet: " + scorer.status().followerDetail());
            }
            Prediction prediction =
                    scorer.score(
                            Map.of(
                                    "departed", "2001-05-01T08:30:00Z",
                                    "distance", 2586,
                                    "origin", "SFO",
                                    "destination", "JFK"));
            System.out.printf(
                    "p = %.3f by version %d.%d, which saw every event before offset %d (%d ms old)%n",
                    prediction.probabilities()[0],
                    prediction.epoch(),
                    prediction.version(),
                    prediction.offset(),
                    prediction.freshnessMs());
            return prediction.probabilities()[0];
        }
        // end::example
    }
}
