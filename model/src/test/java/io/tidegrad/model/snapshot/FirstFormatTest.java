package io.tidegrad.model.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/// `snapshots/format-1.bin`: the records of a snapshot of the build before deltas, each key and value after its length.
class FirstFormatTest {
    @Test
    void aSnapshotOfFormat1IsReadAndRefusedForItsNumericsOnly() throws IOException {
        List<SnapshotEntry> records = new ArrayList<>();
        try (InputStream file = getClass().getResourceAsStream("/snapshots/format-1.bin");
                DataInputStream in = new DataInputStream(Objects.requireNonNull(file))) {
            while (in.available() > 0) {
                byte[] key = in.readNBytes(in.readInt());
                records.add(new SnapshotEntry(key, in.readNBytes(in.readInt())));
            }
        }
        SnapshotManifest manifest = SnapshotManifest.decode(records.removeLast().value());
        assertThat(manifest.chain()).isEqualTo(new SnapshotManifest.Chain(50, -1, 0));
        assertThat(manifest.isSigned()).isFalse();
        Verification verification = new SnapshotVerifier("flight-delay", new ScalarKernels(), 1 << 20).verify(manifest,
                records.stream().map(SnapshotEntry::value).toList());
        assertThat(verification).isInstanceOfSatisfying(Verification.Refused.class,
                refused -> assertThat(refused.reason()).isEqualTo(Verification.Reason.NUMERICS));
        assertThat(manifest.weightsHash())
                .isEqualTo("d8c6eff35f5eb29f02701b55678b441ef3133b6c5608dd112e269f08b775bf0f");
    }
}
