package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.SharedStack;
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
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A trainer that starts from weights that PyTorch saved, on a real broker.
class InitialWeightsTest {
    private static final Path PYTORCH = Path.of("../model/src/test/resources/pytorch/readings.safetensors");
    private static final String SHA256 = "9798856fbba054a541e4f4e218a52281f1127a7d040ed1db6f816a99e8483acc";

    @TempDir
    Path directory;

    private TestLog log(Path file) {
        return new TestLog(directory, 8, SharedStack.get().registryUrl(),
                "initial-weights: { file: " + file + ", sha256: " + SHA256 + " }\n").created();
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

    private static ReplayOptions replay(TestLog log) {
        return new ReplayOptions(KafkaSettings.of(log.kafka.bootstrapServers()),
                RegistrySettings.of(log.kafka.registryUrl()), log.prefix, log.model(), ReplayOptions.TO_END,
                Kernels.active());
    }
}
