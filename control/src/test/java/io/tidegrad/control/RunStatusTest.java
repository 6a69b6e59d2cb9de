package io.tidegrad.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.GoldenFormat;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunStatusTest {
    private static final String PROCESS = "trainer/trainer-1a2b3c4d";

    private static final RunStatus STATUS = status("", List.of(
            new RunStatus.Run("flights", 2, RunStatus.State.RUNNING, "", 12,
                    List.of(new RunStatus.Read("flight-events", 0, 1_000, 1_012))),
            new RunStatus.Run("digits", 1, RunStatus.State.STALLED, "12 offsets are not learned", -1, List.of())));

    private static RunStatus status(String problem, List<RunStatus.Run> runs) {
        return new RunStatus(PROCESS, RunStatus.Role.TRAINER, false, 1_700_000_000_000L, 1_699_999_000_000L, 123_456,
                512_000, "machine-7", "10.0.0.7:8081", "0.1.0", problem, 0, runs);
    }

    private static final GoldenFormat GOLDEN = new GoldenFormat("run-status", RunStatus.FORMAT, 4,
            bytes -> RunStatus.decode(PROCESS.getBytes(UTF_8), bytes).encode(), STATUS::encode);

    @Test
    void whatIsWrittenIsRead() {
        assertThat(RunStatus.decode(STATUS.key(), STATUS.encode())).isEqualTo(STATUS);
    }

    @Test
    void everyFormatThatWasEverWrittenIsRead() {
        GOLDEN.checkOldTruths();
    }

    @Test
    void theWriterWritesWhatItsNumberMeans() {
        GOLDEN.checkTheWriter();
    }

    @Test
    void aFutureFormatIsRefusedByItsNumber() {
        GOLDEN.checkTheFuture();
    }

    /// So an earlier build, which knows scorers alone, passes it over.
    @Test
    void itIsNotTakenForWhatAScorerSays() {
        assertThat(RunStatus.isOne(STATUS.encode())).isTrue();
        assertThatThrownBy(() -> ProcessStatus.decode(STATUS.key(), STATUS.encode()))
                .isInstanceOf(ControlFormatException.class);
        assertThat(RunStatus.isOne(new ProcessStatus("host:1-a", false, 1, "host:1", List.of()).encode())).isFalse();
    }

    @Test
    void aRecordThatIsCutOffAnywhereOrHasOneOtherBitIsRefused() {
        byte[] whole = STATUS.encode();
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            byte[] other = whole.clone();
            other[length] ^= 1;
            for (byte[] damaged : List.of(cut, other)) {
                assertThatThrownBy(() -> RunStatus.decode(STATUS.key(), damaged))
                        .isInstanceOf(ControlFormatException.class);
            }
        }
    }

    @Test
    void whatIsTooLongIsCutAndRunsWithoutRoomAreCounted() {
        String lengthy = "\uD83C\uDF0A".repeat(5_000);
        RunStatus.Read read = new RunStatus.Read("t".repeat(249), 63, 1, 2);
        RunStatus.Run run = new RunStatus.Run("m".repeat(100), 1, RunStatus.State.FAILED, lengthy, 3,
                Collections.nCopies(100, read));
        RunStatus told = status(lengthy, Collections.nCopies(1_000, run));

        byte[] bytes = told.encode();
        RunStatus seen = RunStatus.decode(told.key(), bytes);

        assertThat(bytes.length).isLessThan(1 << 20);
        assertThat(seen.runs()).isNotEmpty().allMatch(run::equals);
        assertThat(seen.leftOut()).isEqualTo(1_000 - seen.runs().size());
        assertThat(seen.problem()).isEqualTo("\uD83C\uDF0A".repeat(256));
        assertThat(run.reads()).hasSize(64);
    }
}
