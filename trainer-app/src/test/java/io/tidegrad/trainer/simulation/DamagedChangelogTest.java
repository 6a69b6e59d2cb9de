package io.tidegrad.trainer.simulation;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.Lineage;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.trainer.store.StoreKind;
import io.tidegrad.trainer.store.StoreOracle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// A changelog that is damaged, or of something else than the trainer that reads it, is refused before anything is
/// learned from it. The oracles take the restoring that they judge as an argument.
@ExtendWith(Silence.class)
class DamagedChangelogTest {
    private static final int TRIALS = 2_000;

    @FunctionalInterface
    private interface Restoring {
        StoreOracle.@Nullable Stored restored(Lineage lineage, List<ConsumerRecord<byte[], byte[]>> records);
    }

    private static final Restoring OURS =
            (lineage, records) -> StoreOracle.restored(lineage, Readings.KERNELS, records, List.of(), // a page log is whole
                    model -> Readings.fold(lineage.spec(), model));

    private final Schedule schedule = story();
    private final Lineage lineage = schedule.lineage();
    private final List<ConsumerRecord<byte[], byte[]>> changelog = schedule.kafka().changelog.decided();

    private static Schedule story() {
        Schedule schedule = new Schedule(3, Breakage.NONE, null, StoreKind.PAGE_LOG);
        schedule.run();
        schedule.kafka().changelog.compact(); // so that no record is of no account
        return schedule;
    }

    // ---- I19 ----

    private void noDamageIsTaken(Restoring restoring) {
        SplittableRandom random = new SplittableRandom(11);
        for (int trial = 0; trial < TRIALS; trial++) {
            List<ConsumerRecord<byte[], byte[]>> damaged = new ArrayList<>(changelog);
            int at = random.nextInt(damaged.size());
            ConsumerRecord<byte[], byte[]> record = damaged.get(at);
            String what;
            if (trial % 4 == 0) {
                int other = random.nextInt(damaged.size());
                if (Arrays.equals(damaged.get(other).value(), record.value())) {
                    continue;
                }
                what = "the value of record " + other + " in record " + at;
                damaged.set(at, StoreOracle.with(record, damaged.get(other).value()));
            } else if (trial % 4 == 1) {
                int length = random.nextInt(record.value().length);
                what = "record " + at + " cut to " + length + " bytes";
                damaged.set(at, StoreOracle.with(record, Arrays.copyOf(record.value(), length)));
            } else {
                int bit = random.nextInt(8 * record.value().length);
                what = "bit " + bit + " of record " + at + " flipped";
                byte[] flipped = record.value().clone();
                flipped[bit >> 3] ^= (byte) (1 << (bit & 7));
                damaged.set(at, StoreOracle.with(record, flipped));
            }
            try {
                restoring.restored(lineage, damaged);
            } catch (StopException refused) {
                continue;
            }
            throw new Violation("I19", "taken though damaged: " + what);
        }
    }

    @Test
    void everyFlippedBitCutRecordAndSwappedValueIsRefused() {
        noDamageIsTaken(OURS);
    }

    @ProvesOracle(Breaker.CHECKS_NO_CHECKSUM)
    @Test
    void damageThatIsTakenIsReported() {
        assertThatThrownBy(() -> noDamageIsTaken(
                (lineage, records) -> OURS.restored(lineage, StoreOracle.withChecksumsMade(lineage, records))))
                .isInstanceOf(Violation.class).hasMessageStartingWith("I19");
    }

    // ---- I22, I23 ----

    private void noOthersStateIsTaken(String invariant, Lineage other, Restoring restoring) {
        try {
            restoring.restored(other, changelog);
        } catch (StopException refused) {
            return;
        }
        throw new Violation(invariant, "the state of another lineage was taken");
    }

    /// The same shape, other weights.
    private Lineage ofAnotherSpec() {
        ModelSpec spec = ModelSpec.parse(lineage.spec().yaml().replace("seed: 7", "seed: 8"), "another spec");
        return new Lineage(spec, lineage.epoch(), lineage.log(), lineage.logTopicId(), lineage.startOffset());
    }

    private Lineage ofAnotherLog() {
        return new Lineage(lineage.spec(), lineage.epoch(), lineage.log(), new Uuid(3, 4), lineage.startOffset());
    }

    private static final Restoring TRUSTING =
            (lineage, records) -> OURS.restored(lineage, StoreOracle.boundTo(lineage, records));

    @Test
    void aStateOfAnotherSpecOrLogIsRefused() {
        noOthersStateIsTaken("I22", ofAnotherSpec(), OURS);
        noOthersStateIsTaken("I23", ofAnotherLog(), OURS);
    }

    @ProvesOracle(Breaker.TAKES_ANY_SPECS_STATE)
    @Test
    void aStateOfAnotherSpecThatIsTakenIsReported() {
        assertThatThrownBy(() -> noOthersStateIsTaken("I22", ofAnotherSpec(), TRUSTING)).isInstanceOf(Violation.class);
    }

    @ProvesOracle(Breaker.TAKES_ANY_LOGS_STATE)
    @Test
    void aStateOfAnotherLogThatIsTakenIsReported() {
        assertThatThrownBy(() -> noOthersStateIsTaken("I23", ofAnotherLog(), TRUSTING)).isInstanceOf(Violation.class);
    }
}
