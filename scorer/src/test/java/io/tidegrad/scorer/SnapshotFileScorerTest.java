package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.snapshot.SavedModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A scorer that is opened on a file, or on a file's bytes.
class SnapshotFileScorerTest {
    @TempDir
    Path directory;

    private final TestTrainer trainer = TestTrainer.of("flights").learn(60);

    private byte[] bytes(SnapshotManifest manifest) throws IOException {
        ByteArrayOutputStream to = new ByteArrayOutputStream();
        SnapshotFile.write(SnapshotFile.Head.of(manifest, trainer.model().spec().yaml()), trainer.model().parameters(),
                to);
        return to.toByteArray();
    }

    private Path file(byte[] bytes) throws IOException {
        return Files.write(directory.resolve("flights.snapshot"), bytes);
    }

    @Test
    void aFileAndItsBytesAnswerAsTheTrainerBitForBit() throws IOException {
        byte[] bytes = bytes(trainer.publish().manifest());
        try (Scorer ofFile = Scorer.open(file(bytes)); Scorer ofBytes = Scorer.of(bytes)) {
            for (int i = 0; i < 50; i++) {
                float expected = trainer.answers(new long[]{i})[0];
                assertThat(ofFile.score(TestTrainer.event(i)).probabilities()).containsExactly(expected);
                assertThat(ofBytes.score(TestTrainer.event(i)).probabilities()).containsExactly(expected);
            }
            assertThat(ofFile.weightsHash()).isEqualTo(trainer.model().weightsHash());
            Prediction prediction = ofBytes.score(TestTrainer.event(1));
            assertThat(prediction.model()).isEqualTo("flights");
            assertThat(prediction.version()).isEqualTo(60);
            assertThat(prediction.offset()).isEqualTo(60);
            assertThat(ofFile.newEvent().fields()).containsExactly("distance", "departed", "origin", "destination");
        }
    }

    @Test
    void aFileOfAVersionThatWasPublishedAsChangesServesAllOfIt() throws IOException {
        trainer.publishFull();
        trainer.learn(5);
        PublishedSnapshot delta = trainer.publishDelta();
        try (Scorer scorer = Scorer.of(bytes(delta.manifest()))) {
            assertThat(scorer.weightsHash()).isEqualTo(trainer.model().weightsHash());
        }
    }

    @Test
    void whatIsNoSuchFileIsRefusedWithWhatItIs() throws IOException {
        byte[] good = bytes(trainer.publish().manifest());
        assertRefused(Arrays.copyOf(good, good.length - 9), "unreadable", "it was cut short");
        byte[] damaged = good.clone();
        damaged[good.length - 500] ^= 1;
        assertRefused(damaged, "unreadable", "snapshot part 0: damaged or misplaced");
        byte[] future = good.clone();
        future[4] = 7;
        assertRefused(future, "expected format 1, found 7; a newer build can read it");
        ByteArrayOutputStream saved = new ByteArrayOutputStream();
        SavedModel.write(trainer.model().parameters(), saved);
        assertRefused(saved.toByteArray(), "found a saved model, which has neither a spec");
        assertRefused(new byte[0], "expected at least 12 bytes, found 0");
        assertThatThrownBy(() -> Scorer.open(directory.resolve("none.snapshot")))
                .isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void aForgedManifestIsRefusedAsFromTheTopic() throws IOException {
        assertForgeryRefused(forged -> forged.numerics = 99, "numerics: expected numerics");
        assertForgeryRefused(forged -> forged.weightsHash = "0".repeat(64), "weights-hash");
        assertForgeryRefused(Forgery::nudgeGoldenRows, "golden-rows: golden row 0");
    }

    private void assertForgeryRefused(Consumer<Forgery> forge, String reason) throws IOException {
        byte[] forged = bytes(SnapshotManifest.decode(Forgery.manifest(trainer.publish(), forge).getLast().value()));
        assertRefused(forged, reason);
    }

    @Test
    void aFileThatMustBeSignedIsRefusedUnsigned() throws Exception {
        byte[] unsigned = bytes(trainer.publish().manifest());
        assertThatThrownBy(
                () -> Scorer.of(unsigned, KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPublic()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("signature: expected a signed manifest");
    }

    private void assertRefused(byte[] bytes, String... words) throws IOException {
        Path file = file(bytes);
        assertThatThrownBy(() -> Scorer.of(bytes)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(words);
        assertThatThrownBy(() -> Scorer.open(file)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(words).hasMessageContaining(file.toString());
    }
}
