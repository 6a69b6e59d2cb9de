package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.proof.LongProof;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The same while a version of that spec is served: parts are decoded as they arrive.
class DecodedAssemblyTest extends SnapshotAssemblyTest {
    @TempDir
    Path directory;

    @Override
    boolean isServed() {
        return true;
    }

    @Test
    void aPartThatIsShortIsToldWhenTheManifestComes() {
        SnapshotEntry last = parts.getLast();
        List<SnapshotEntry> records = new ArrayList<>(parts);
        records.set(parts.size() - 1, new SnapshotEntry(last.key(), Forgery.resized(last.value(), -8, "flights")));
        assertThat(offer(records)).isInstanceOfSatisfying(Verification.Refused.class, refused -> {
            assertThat(refused.reason()).isEqualTo(RefusalReason.UNREADABLE);
            assertThat(refused.detail()).contains("expected a payload of");
        });
        assertThat(offer(parts)).isInstanceOf(Verification.Admitted.class);
    }

    /// A child process with a heap of 2.4 times the model: the served version, the loaded version and a little more.
    @LongProof("loads of a large model")
    @Test
    void aFullLoadNeedsTheModelTwice() throws Exception {
        List<String> flags = new ArrayList<>(ChildJvm.TIDEGRAD_FLAGS);
        flags.add("-Xmx" + FullLoads.MODEL_MIB * 24 / 10 + "m");
        try (ChildJvm child =
                ChildJvm.run("full-loads", flags, List.of(FullLoads.class.getName(), directory.toString()),
                        directory.resolve("out"), directory.resolve("log"))) {
            assertThat(child.waitFor(Duration.ofSeconds(60))).as(child.logTail()).isTrue();
            assertThat(child.status()).as(child.logTail()).hasValue(0);
        }
        assertThat(Files.readString(directory.resolve("out"))).contains("served 1.4 of 4");
    }
}
