package io.tidegrad.model.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.Specs;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.ProvesOracle;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/// Invariants I15 and I17 where they are decided. The oracles take what they judge as an argument; that the last good
/// model keeps serving is `BadSnapshotTest` in the scorer.
class AdmissionOracleTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final Kernels KERNELS = new ScalarKernels();
    private static final ModelSpec SPEC = Specs.flights();
    private static final Plan PLAN = Plan.of(SPEC.network());

    private final OnlineModel model = OnlineModel.initial(SPEC, KERNELS);
    private final SnapshotManifest manifest =
            PublishedSnapshot.of(model, model.weightsHash(), 1, 10, 7, true).manifest();
    private final List<byte[]> parts = SnapshotParts.encode(model.parameters(), SPEC.model(), 1);

    // ---- I15 ----

    /// @param admits a snapshot: manifest and parts
    private void onlyTheGoodOneIsAdmitted(BiPredicate<SnapshotManifest, List<byte[]>> admits) {
        assertThat(admits.test(manifest, parts)).isTrue();
        for (float bad : new float[]{Float.NaN, Float.POSITIVE_INFINITY, 0.125f}) {
            Parameters other = Parameters.served(PLAN);
            SnapshotParts.decode(manifest, parts, other);
            byte[] page = new byte[other.pageLength(0)];
            other.readPage(0, page, 0);
            ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, bad);
            other.writePage(0, page, 0);
            other.setCounts(manifest.version(), manifest.examples());
            assertThat(admits.test(manifest, SnapshotParts.encode(other, SPEC.model(), 1)))
                    .as("the first weight is %s", bad).isFalse();
        }
    }

    @Test
    void onlyTheWeightsThatWereHashedAreAdmitted() {
        SnapshotVerifier verifier = new SnapshotVerifier(SPEC.model(), KERNELS, 1 << 24);
        onlyTheGoodOneIsAdmitted(
                (manifest, parts) -> verifier.verify(manifest, parts, null) instanceof Verification.Admitted);
    }

    @ProvesOracle(Breaker.ADMITS_WHATEVER_COMES)
    @Test
    void aSnapshotThatIsServedUnverifiedIsReported() {
        assertThatThrownBy(() -> onlyTheGoodOneIsAdmitted((manifest, parts) -> {
            SnapshotParts.decode(manifest, parts, Parameters.served(PLAN));
            return true;
        })).isInstanceOf(AssertionError.class);
    }

    // ---- I17 ----

    /// At the end, before the checksum: no golden rows (4), payload bytes (8), chain (8 + 8 + 4), no origin (1), no
    /// signature (4).
    private static final int ROWS_BYTES = 4 + 8 + 8 + 8 + 4 + 1 + 4;

    /// A manifest that says a golden row of four million numbers follows, its checksum right.
    private byte[] boastful() {
        byte[] good = manifest.encode();
        int at = good.length - 4 - ROWS_BYTES;
        byte[] bytes = new byte[at + 4 + 12 + 4];
        System.arraycopy(good, 0, bytes, 0, at);
        ByteBuffer to = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        to.position(at);
        to.putInt(1).putInt(1 << 22).putInt(0).putInt(0);
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, bytes.length - 4);
        to.putInt((int) crc.getValue());
        return bytes;
    }

    private void absurdSizesCostNothing(Consumer<byte[]> reader) {
        byte[] bytes = boastful();
        long before = THREADS.getCurrentThreadAllocatedBytes();
        assertThatThrownBy(() -> reader.accept(bytes)).isInstanceOf(SnapshotFormatException.class)
                .hasMessageContaining("" + Float.BYTES * (1 << 22));
        assertThat(THREADS.getCurrentThreadAllocatedBytes() - before).as("bytes allocated").isLessThan(4 << 20);
    }

    @Test
    void anAbsurdSizeIsRefusedBeforeAnythingIsAllocatedForIt() {
        absurdSizesCostNothing(SnapshotManifest::decode);
    }

    @ProvesOracle(Breaker.TAKES_SIZES_ON_TRUST)
    @Test
    void anAllocationOnTrustIsReported() {
        assertThatThrownBy(() -> absurdSizesCostNothing(bytes -> {
            float[] row = new float[1 << 22];
            SnapshotManifest.decode(bytes);
            assertThat(row).isEmpty();
        })).isInstanceOf(AssertionError.class).hasMessageContaining("bytes allocated");
    }
}
