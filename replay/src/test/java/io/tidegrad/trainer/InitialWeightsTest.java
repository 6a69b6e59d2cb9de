package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A trainer that starts from weights that PyTorch saved, on a real broker.
class InitialWeightsTest {
    private static final Path PYTORCH = Path.of("../model/src/test/resources/pytorch/readings.safetensors");
    private static final String SHA256 = "9798856fbba054a541e4f4e218a52281f1127a7d040ed1db6f816a99e8483acc";

    @TempDir
    Path directory;

    private TestLog log(Path file) {
        return log(file, SHA256);
    }

    private TestLog log(Path file, String sha256) {
        return new TestLog(directory, 8, SharedStack.get().registryUrl(),
                "initial-weights: { file: " + file + ", sha256: " + sha256 + " }\n").created();
    }

    @LongProof("trainer, replay and fold")
    @Test
    void trainerReplayAndFoldGoOnFromTheSameWeights() throws IOException {
        Path file = Files.copy(PYTORCH, directory.resolve("readings.safetensors"));
        try (TestLog log = log(file)) {
            log.send(0, 200);
            TestLog.Fold fold = log.fold();
            try (TrainerApp trainer = TrainerApp.start(log.config())) {
                CommittedState state = TrainerFixture.awaitSettled(trainer, fold.nextOffset());
                TrainerFixture.assertEqual(state, fold);
            }
            ReplayResult replay = Replay.run(replay(log));
            assertThat(replay.weightsHash()).isEqualTo(fold.weightsHash());
            assertThat(replay.stateHash()).isEqualTo(fold.stateHash());
            // The weights now live in the changelog: a restart needs no file, a replay does.
            Files.delete(file);
            try (TrainerApp trainer = TrainerApp.start(log.config())) {
                TrainerFixture.assertEqual(TrainerFixture.awaitSettled(trainer, fold.nextOffset()), fold);
            }
            assertThatThrownBy(() -> Replay.run(replay(log)))
                    .isInstanceOfSatisfying(StopException.class,
                            e -> assertThat(e.exitCode()).isEqualTo(ExitCode.CONFIGURATION))
                    .hasMessageContaining("initial weights " + file + ": expected a file");
        }
    }

    @LongProof("two starts of a trainer, one of which is refused")
    @Test
    void aModelWhoseWeightsAreNotThereIsNotRegistered() throws IOException {
        Path file = directory.resolve("later.safetensors");
        try (TestLog log = log(file)) {
            log.send(0, 20);
            assertThatThrownBy(() -> TrainerApp.start(log.config()))
                    .isInstanceOfSatisfying(StopException.class,
                            e -> assertThat(e.exitCode()).isEqualTo(ExitCode.CONFIGURATION))
                    .hasMessageContaining("initial weights " + file + ": expected a file");
            assertThat(log.visible(log.topics().models())).isEmpty();
            Files.copy(PYTORCH, file);
            try (TrainerApp trainer = TrainerApp.start(log.config())) {
                TrainerFixture.assertEqual(TrainerFixture.awaitSettled(trainer, 20), log.fold());
            }
        }
    }

    @LongProof("two trainers, a replay and a fold")
    @Test
    void aModelWithItsOptimizersStateIsPublishedAtOnceAndGoesOnFromThere() throws IOException {
        Path file = withState(400);
        try (TestLog log = log(file, HexFormat.of().formatHex(ModelHash.sha256().digest(Files.readAllBytes(file))))) {
            try (TrainerApp trainer = TrainerApp.start(log.config())) {
                TrainerFixture.assertEqual(TrainerFixture.awaitSettled(trainer, 0), log.fold());
                await().atMost(TrainerFixture.PATIENCE)
                        .until(() -> !log.manifests(log.visible(log.topics().snapshots(log.model()))).isEmpty());
            }
            SnapshotManifest first = log.manifests(log.visible(log.topics().snapshots(log.model()))).getFirst();
            assertThat(first.version()).isEqualTo(400);
            assertThat(first.examples()).isZero();
            assertThat(first.nextOffset()).isZero();

            log.send(0, 200);
            TestLog.Fold fold = log.fold();
            try (TrainerApp trainer = TrainerApp.start(log.config())) {
                TrainerFixture.assertEqual(TrainerFixture.awaitSettled(trainer, fold.nextOffset()), fold);
            }
            ReplayResult replay = Replay.run(replay(log));
            assertThat(replay.weightsHash()).isEqualTo(fold.weightsHash());
            assertThat(replay.stateHash()).isEqualTo(fold.stateHash());
            assertThat(replay.version()).isEqualTo(400 + 200 / 8);
        }
    }

    /// PyTorch's file, and behind its tensors a state of Adam that is 0, and the number of updates.
    private Path withState(float updates) throws IOException {
        byte[] bytes = Files.readAllBytes(PYTORCH);
        ByteBuffer old = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) old.getLong();
        ObjectNode tensors = (ObjectNode) new ObjectMapper().readTree(bytes, Long.BYTES, header);
        int end = bytes.length - Long.BYTES - header;
        for (Map.Entry<String, JsonNode> tensor : List.copyOf(tensors.properties())) {
            if (tensor.getValue().path("dtype").asText().equals("F32")) {
                int length = tensor.getValue().at("/data_offsets/1").intValue()
                        - tensor.getValue().at("/data_offsets/0").intValue();
                for (String part : List.of(".exp_avg", ".exp_avg_sq")) {
                    ObjectNode state = tensor.getValue().deepCopy();
                    state.putArray("data_offsets").add(end).add(end + length);
                    tensors.set(tensor.getKey() + part, state);
                    end += length;
                }
            }
        }
        ObjectNode step = tensors.putObject("step").put("dtype", "F32");
        step.putArray("shape");
        step.putArray("data_offsets").add(end).add(end + Float.BYTES);
        byte[] text = tensors.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(Long.BYTES + text.length + end + Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).put(text)
                .put(bytes, Long.BYTES + header, bytes.length - Long.BYTES - header);
        file.putFloat(file.capacity() - Float.BYTES, updates);
        return Files.write(directory.resolve("warm.safetensors"), file.array());
    }

    private static ReplayOptions replay(TestLog log) {
        return Replays.of(KafkaSettings.of(log.kafka.bootstrapServers()), RegistrySettings.of(log.kafka.registryUrl()),
                log.prefix, log.model());
    }
}
