package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.proof.LongProof;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.TrainerConfig;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProduceCommandTest {
    private static final String MODEL = "flight-delay";

    private final KafkaProvider stack = SharedStack.get();

    private List<String> cluster(String... more) {
        return Stream.concat(
                Stream.of("--bootstrap-servers", stack.bootstrapServers(), "--prefix", "produced", "--http-port", "0"),
                Stream.of(more)).toList();
    }

    private int produce(TrainerApp trainer, ScorerApp scorer) {
        return Tidegrad.commandLine().execute("produce", "--bootstrap-servers", stack.bootstrapServers(),
                "--registry-url", stack.registryUrl(), "--trainer", "http://127.0.0.1:" + trainer.httpPort(),
                "--scorer", "http://127.0.0.1:" + scorer.port(), "--events", "300", "--rate", "max");
    }

    @Test
    void whatIsNoUrlIsWrongUsageBeforeAnythingIsCreated() {
        for (List<String> urls : List.of(List.of("trainer:8080", "http://scorer:8080"),
                List.of("http://trainer:8080", "scorer:8080"), List.of("http://", "http://scorer:8080"))) {
            StringWriter said = new StringWriter();
            // Nothing answers at port 1: a command that got so far would wait there.
            assertThat(Tidegrad.commandLine().setErr(new PrintWriter(said)).execute("produce", "--bootstrap-servers",
                    "127.0.0.1:1", "--registry-url", "http://127.0.0.1:1", "--trainer", urls.getFirst(), "--scorer",
                    urls.getLast())).isEqualTo(2);
            assertThat(said.toString()).contains("expected http://HOST:PORT or https://HOST:PORT, found '")
                    .doesNotContain("\tat ");
        }
    }

    @LongProof("a trainer and a scorer that learn and serve six hundred flights")
    @Test
    void itEndsWhenWhatItSentIsLearnedAndServedAndCanBeRunAgain(@TempDir Path directory) throws Exception {
        Path spec = Files.writeString(directory.resolve("flights.yaml"), ShippedStream.FLIGHTS.spec());
        EventsTopic.createUnlessThere(stack.bootstrapServers(), "flights");
        List<String> arguments = cluster("--registry-url", stack.registryUrl(), "--spec", spec.toString(),
                "--state-dir", directory.resolve("state").toString());
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(arguments, Map.of()));
                ScorerApp scorer = ScorerApp.start(ScorerConfig.parse(cluster("--model", MODEL), Map.of()),
                        InstantSource.system());
                Json http = new Json()) {
            TrainerClient client = new TrainerClient(http, trainer.httpPort(), MODEL);
            for (int sent = 300; sent <= 600; sent += 300) {
                assertThat(produce(trainer, scorer)).isZero();
                TrainerHealth health = client.health();
                assertThat(health.learned()).isEqualTo(sent);
                JsonNode served =
                        Objects.requireNonNull(http.get("http://127.0.0.1:" + scorer.port() + "/v1/models/" + MODEL));
                assertThat(served.path("weights_hash").asText()).isEqualTo(health.report().weightsHash());
            }
        }
    }
}
