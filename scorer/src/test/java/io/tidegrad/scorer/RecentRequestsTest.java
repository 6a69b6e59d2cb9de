package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.model.feature.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class RecentRequestsTest {
    private static final RowShape SHAPE = new RowShape(300, 20, 1);

    private static Row row(int value) {
        Row row = new Row(SHAPE.numbers(), SHAPE.ids(), 1);
        Arrays.fill(row.numbers, value);
        Arrays.fill(row.ids, value);
        return row;
    }

    private static Batch batch() {
        Batch batch = new Batch(SHAPE, 1);
        batch.resize(1);
        return batch;
    }

    /// What the rows hold, of which each holds one value.
    private static List<Integer> held(RecentRequests recent) {
        List<Integer> held = new ArrayList<>();
        Batch batch = batch();
        for (int place = 0; place < recent.places(); place++) {
            if (recent.copy(place, batch)) {
                int value = batch.ids[0];
                boolean whole = true;
                for (float number : batch.numbers) {
                    whole &= number == value;
                }
                for (int id : batch.ids) {
                    whole &= id == value;
                }
                if (!whole) {
                    throw new AssertionError("expected a row of one value, found " + Arrays.toString(batch.numbers)
                            + " and " + Arrays.toString(batch.ids));
                }
                held.add(value);
            }
        }
        return held;
    }

    @Test
    void theNewestRowsAreKept() {
        RecentRequests recent = new RecentRequests(SHAPE);
        assertThat(held(recent)).isEmpty();
        for (int value = 0; value < 100; value++) {
            recent.offer(row(value));
        }
        assertThat(held(recent)).hasSize(64).allSatisfy(value -> assertThat(value).isGreaterThan(35));
    }

    @Test
    void aRowIsReadWholeWhoeverWritesMeanwhile() throws InterruptedException {
        RecentRequests recent = new RecentRequests(SHAPE);
        AtomicBoolean done = new AtomicBoolean();
        List<Thread> writers = new ArrayList<>();
        for (int writer = 0; writer < 3; writer++) {
            Row[] rows = {row(writer), row(writer + 3)};
            writers.add(Thread.ofPlatform().start(() -> {
                for (int i = 0; !done.get(); i++) {
                    recent.offer(rows[i & 1]);
                }
            }));
        }
        try {
            for (int i = 0; i < 20_000; i++) {
                held(recent);
            }
        } finally {
            done.set(true);
            for (Thread writer : writers) {
                writer.join();
            }
        }
        assertThat(held(recent)).isNotEmpty();
    }

    @Test
    void rowsOfLargePicturesAreFewOrNone() {
        assertThat(new RecentRequests(new RowShape(100_000, 0, 1)).places()).isEqualTo(2);
        RecentRequests none = new RecentRequests(new RowShape(1 << 20, 0, 1));
        none.offer(new Row(1 << 20, 0, 1));
        assertThat(none.places()).isZero();
    }

    @Test
    void theNextVersionIsWarmedUpOnWhatWasAsked() {
        TestTrainer trainer = TestTrainer.of("flights").learn(50);
        TestIntake intake = new TestIntake("flights");
        intake.accept(trainer.publish());
        assertThat(intake.admission.warmedOn()).isZero();
        ScoringSession session = intake.session(1);
        for (int i = 0; i < 10 * RecentRequests.ONE_IN; i++) {
            assertThat(session.score(TestTrainer.event(i))).isNull();
        }
        intake.accept(trainer.learn(1).publish());
        assertThat(intake.admission.warmedOn()).isEqualTo(10);
        // Another spec reads other rows.
        intake.accept(TestTrainer.of("flights", 2, 24).learn(1).publish());
        assertThat(intake.admission.warmedOn()).isZero();
    }
}
