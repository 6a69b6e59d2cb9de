package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.Decisions;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/// What tests of trainers share: a log of its own for each test, decisions about its model, and how to wait for what a
/// trainer in this process commits.
abstract class TrainerFixture {
    /// Generous, because it bounds liveness and not speed.
    static final Duration PATIENCE = Duration.ofSeconds(60);

    private final int miniBatch;

    @TempDir
    Path directory;
    TestLog log;

    TrainerFixture(int miniBatch) {
        this.miniBatch = miniBatch;
    }

    @BeforeEach
    void open() {
        log = newLog().created();
    }

    @AfterEach
    void close() {
        log.close();
    }

    /// Its topic is not created yet.
    TestLog newLog() {
        return new TestLog(directory, miniBatch);
    }

    KafkaSettings kafka() {
        return KafkaSettings.of(log.kafka.bootstrapServers());
    }

    RegistrySettings registry() {
        return RegistrySettings.of(log.registryUrl);
    }

    Decisions decisions() {
        return new Decisions(kafka(), log.topics(), log.admin, (short) -1, new Decisions.By("ann@host", "a test"));
    }

    /// Everything that was decided before, as a writer sees it.
    ControlLog.View view() {
        return new ControlLog(kafka(), log.topics()).write(seen -> null);
    }

    /// The same, for tests that look again and again while a trainer decides: each writer fences the one before.
    ControlLog.View read() {
        return new ControlLog(kafka(), log.topics()).read();
    }

    /// What the topic of progress says last of the log's own model; null before it says anything.
    @Nullable
    Progress newestProgress() {
        AvroCodec codec = new AvroCodec(log.registry);
        return log.visible(log.topics().progress()).reversed().stream()
                .map(record -> codec.decode(record.value(), Progress.class))
                .filter(progress -> progress.getModel().equals(log.model())).findFirst().orElse(null);
    }

    static HttpResponse<String> get(TrainerApp trainer, String path) {
        try (HttpClient client = HttpClient.newHttpClient()) {
            URI uri = URI.create("http://127.0.0.1:" + trainer.httpPort() + path);
            return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static JsonNode json(String body) {
        try {
            return new ObjectMapper().readTree(body);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /// What `/health` says of one model.
    static JsonNode health(TrainerApp trainer, String model) {
        for (JsonNode each : json(get(trainer, "/health").body()).path("models")) {
            if (each.path("model").asText().equals(model)) {
                return each;
            }
        }
        throw new AssertionError("not in health: " + model);
    }

    /// The state of the trainer's first model, once everything before `nextOffset` is learned, published and committed.
    static CommittedState awaitSettled(TrainerApp trainer, long nextOffset) {
        return awaitSettled(trainer, trainer.models().getFirst(), nextOffset);
    }

    static CommittedState awaitSettled(TrainerApp trainer, ModelTrainer model, long nextOffset) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(20)).until(() -> {
            if (trainer.ended().isDone()) {
                throw trainer.ended().join();
            }
            return isSettled(model, nextOffset);
        });
        return Objects.requireNonNull(model.committed());
    }

    static boolean isSettled(ModelTrainer model, long nextOffset) {
        CommittedState state = model.committed();
        return state != null && state.nextOffset() == nextOffset && state.settled();
    }

    static void assertEqual(CommittedState state, TestLog.Fold fold) {
        Report report = Objects.requireNonNull(state.report());
        assertThat(report.weightsHash()).isEqualTo(fold.weightsHash());
        assertThat(report.stateHash()).isEqualTo(fold.stateHash());
        assertThat(state.examples()).isEqualTo(fold.learned());
        assertThat(state.pending()).isEqualTo(fold.pending());
        assertThat(state.accounts().accepted() + state.accounts().deadLetters() + state.accounts().ticks())
                .isEqualTo(fold.visible());
    }
}
