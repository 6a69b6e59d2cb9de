package io.tidegrad.model.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.engine.snapshot.SavedModel;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.SnapshotFile.Head;
import io.tidegrad.model.spec.ModelSpec;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SnapshotFileTest {
    private static final int FORMAT_AT = 4;

    /// Of three parts.
    private static final ModelSpec SPEC =
            ModelSpec.parse(Specs.FLIGHTS.replace("buckets: 8192", "buckets: 65536"), "flights.yaml");

    private final OnlineModel model = OnlineModel.initial(SPEC, new ScalarKernels());
    private final Featurizer featurizer = new Featurizer(SPEC);
    private final SnapshotVerifier verifier = new SnapshotVerifier(SPEC.model(), new ScalarKernels(), 64 << 20);

    private void learn(int from, int to) {
        for (int i = from; i < to; i++) {
            model.accept(Specs.row(featurizer, Specs.flight(i)));
        }
    }

    private PublishedSnapshot.Moment moment() {
        return new PublishedSnapshot.Moment(model.weightsHash(), 1, 100, 99, true, 5);
    }

    private byte[] file(SnapshotManifest manifest) throws IOException {
        return file(new Head("other name", manifest, SPEC.yaml(), 77, true));
    }

    private byte[] file(Head head) throws IOException {
        ByteArrayOutputStream to = new ByteArrayOutputStream();
        SnapshotFile.write(head, model.parameters(), to);
        return to.toByteArray();
    }

    private byte[] fullFile() throws IOException {
        learn(0, 40);
        return file(PublishedSnapshot.full(model, moment(), PublishedSnapshot.Form.PLAIN).manifest());
    }

    private Verification verify(byte[] file) throws IOException {
        return verifier.verify(SnapshotFile.read(new ByteArrayInputStream(file)));
    }

    /// Why it is not taken; null when it is.
    private @Nullable String refusal(byte[] file) throws IOException {
        try {
            return verify(file) instanceof Verification.Refused refused ? refused.detail() : null;
        } catch (SnapshotFormatException e) {
            return e.getMessage();
        }
    }

    @Test
    void whatIsReadIsWhatWasWritten() throws IOException {
        byte[] file = fullFile();
        assertThat(verify(file)).isInstanceOf(Verification.Admitted.class);
        LoadedModel loaded = ((Verification.Admitted) verify(file)).model();
        assertThat(ModelHash.weights(loaded.spec().fingerprint(), loaded.parameters())).isEqualTo(model.weightsHash());
        assertThat(loaded.parameters().updates()).isEqualTo(40);
        Head head = SnapshotFile.read(new ByteArrayInputStream(file)).head();
        assertThat(head.name()).isEqualTo("other name");
        assertThat(head.resume()).isEqualTo(77);
        assertThat(head.broughtBack()).isTrue();
        assertThat(head.manifest().encode()).isEqualTo(loaded.manifest().encode());
    }

    @Test
    void aVersionThatWasPublishedAsChangesIsThereAsAWhole() throws IOException {
        learn(0, 10);
        SnapshotManifest full = PublishedSnapshot.full(model, moment(), PublishedSnapshot.Form.PLAIN).manifest();
        model.parameters().changes().clear();
        learn(10, 20);
        SnapshotManifest delta = PublishedSnapshot.delta(model, moment(),
                new PublishedSnapshot.Parent(full.version(), full.chain()), PublishedSnapshot.Form.PLAIN).manifest();
        LoadedModel loaded = ((Verification.Admitted) verify(file(delta))).model();
        assertThat(loaded.manifest().isDelta()).isTrue();
        assertThat(ModelHash.weights(loaded.spec().fingerprint(), loaded.parameters())).isEqualTo(model.weightsHash());
    }

    @Test
    void aFileThatWasCutShortAnywhereIsRefusedAndSaysSo() throws IOException {
        byte[] file = fullFile();
        for (int length = 0; length < file.length; length += 1 + length / 50) {
            assertThat(refusal(Arrays.copyOf(file, length))).as("%d of %d bytes", length, file.length)
                    .containsAnyOf("cut short", "expected at least 12 bytes");
        }
        assertThat(refusal(Arrays.copyOf(file, file.length - 1))).contains("cut short");
        assertThat(refusal(Arrays.copyOf(file, file.length + 1)))
                .contains("expected its end after the last part, found more bytes");
    }

    @Test
    void aFlippedBitAnywhereIsNoticed() throws IOException {
        byte[] file = fullFile();
        for (int at = 0; at < file.length; at += 1 + at / 30) {
            byte[] flipped = file.clone();
            flipped[at] ^= (byte) (1 << at % 8);
            assertThat(refusal(flipped)).as("byte %d", at).isNotNull();
        }
    }

    @Test
    void anotherFormatOrFileIsRefusedByItsName() throws IOException {
        byte[] future = fullFile();
        ByteBuffer.wrap(future).order(ByteOrder.LITTLE_ENDIAN).putInt(FORMAT_AT, 99);
        assertThat(refusal(future)).contains("expected format 1, found 99; a newer build can read it");
        ByteArrayOutputStream saved = new ByteArrayOutputStream();
        SavedModel.write(model.parameters(), saved);
        assertThat(refusal(saved.toByteArray()))
                .isEqualTo("snapshot file: expected one that export writes (--to NAME.snapshot), found a"
                        + " saved model, which has neither a spec nor a manifest in it");
        assertThat(refusal("{\"model\": \"flights\"}".getBytes(StandardCharsets.UTF_8)))
                .contains("(TGSF), found 7b226d6f");
    }

    @Test
    void partsOfAnotherVersionAndAnotherSpecAreRefused() throws IOException {
        byte[] file = fullFile();
        learn(40, 41);
        byte[] later = file(PublishedSnapshot.full(model, moment(), PublishedSnapshot.Form.PLAIN).manifest());
        byte[] mixed = later.clone();
        System.arraycopy(file, file.length - 100_000, mixed, mixed.length - 100_000, 100_000);
        assertThat(refusal(mixed)).contains("damaged or misplaced");
        SnapshotManifest manifest = PublishedSnapshot.full(model, moment(), PublishedSnapshot.Form.PLAIN).manifest();
        Head otherSpec = Head.of(manifest, SPEC.yaml().replace("seed: 42", "seed: 43"));
        assertThat(refusal(file(otherSpec))).isEqualTo("the manifest states another fingerprint than its spec has");
    }

    @Test
    void everyModelHasANameAndIsAskedForByIt() throws IOException {
        byte[] file = fullFile();
        Verification found = new SnapshotVerifier("arrivals", new ScalarKernels(), 64 << 20)
                .verify(SnapshotFile.read(new ByteArrayInputStream(file)));
        assertThat(found).isInstanceOfSatisfying(Verification.Refused.class,
                refused -> assertThat(refused.reason()).isEqualTo(RefusalReason.WRONG_MODEL));
        assertThatThrownBy(() -> SnapshotFile.read(new ByteArrayInputStream(new byte[3])))
                .hasMessage("snapshot file: expected at least 12 bytes, found 3");
    }
}
