package io.tidegrad.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.GoldenFormat;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessStatusTest {
    private static final String PROCESS = "10.0.0.7:8080-1a2b3c4d";

    private static final ProcessStatus STATUS = new ProcessStatus(PROCESS, false, 1_700_000_000_000L, "10.0.0.7:8080",
            List.of(new ProcessStatus.Served("flights", "flights-wide", 2, 40_000, true, false, ""),
                    new ProcessStatus.Served("digits", "digits", 1, 7, true, true, ""),
                    new ProcessStatus.Served("new", "", 0, -1, false, false, "nothing is published")));

    private static final GoldenFormat GOLDEN = new GoldenFormat("process-status", ProcessStatus.FORMAT, 4,
            bytes -> ProcessStatus.decode(PROCESS.getBytes(UTF_8), bytes).encode(), STATUS::encode);

    @Test
    void whatIsWrittenIsRead() {
        assertThat(ProcessStatus.decode(STATUS.key(), STATUS.encode())).isEqualTo(STATUS);
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

    @Test
    void aRecordUnderAnotherProcessesKeyIsRefused() {
        assertThatThrownBy(() -> ProcessStatus.decode("other".getBytes(UTF_8), STATUS.encode()))
                .isInstanceOf(ControlFormatException.class).hasMessageContaining("misplaced");
    }

    @Test
    void aRecordThatIsCutOffAnywhereOrHasOneOtherBitIsRefused() {
        byte[] whole = STATUS.encode();
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            byte[] other = whole.clone();
            other[length] ^= 1;
            for (byte[] damaged : List.of(cut, other)) {
                assertThatThrownBy(() -> ProcessStatus.decode(STATUS.key(), damaged))
                        .isInstanceOf(ControlFormatException.class);
            }
        }
    }

    @Test
    void aProblemOfAnyLengthIsCutToWhatCanBeRead() {
        ProcessStatus told = new ProcessStatus(PROCESS, true, 1, "a:1",
                List.of(new ProcessStatus.Served("m", "", 0, -1, false, false, "\uD83C\uDF0A".repeat(5_000))));
        assertThat(ProcessStatus.decode(told.key(), told.encode())).isEqualTo(told);
    }
}
