package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class AdmissionLogTest {
    private final AdmissionLog log = new AdmissionLog();

    private void admit(int times) {
        TestIntake intake = new TestIntake("flights");
        intake.accept(TestTrainer.of("flights").learn(1).publish());
        for (int i = 0; i < times; i++) {
            log.add(intake.served());
        }
    }

    @Test
    void holdsTheNewestAndCountsThemAll() {
        admit(AdmissionLog.CAPACITY + 10);
        assertThat(log.count()).isEqualTo(AdmissionLog.CAPACITY + 10);
        List<AdmissionLog.Entry> held = log.after(0);
        assertThat(held).hasSize(AdmissionLog.CAPACITY);
        assertThat(held.getFirst().sequence()).isEqualTo(11);
        assertThat(held.getLast().sequence()).isEqualTo(AdmissionLog.CAPACITY + 10);
    }

    @Test
    void isReadFromWhereOneLeftOff() {
        admit(5);
        assertThat(log.after(3)).extracting(AdmissionLog.Entry::sequence).containsExactly(4L, 5L);
        assertThat(log.after(5)).isEmpty();
        assertThat(log.after(99)).isEmpty();
        assertThat(log.after(-1)).hasSize(5);
    }
}
