package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.topology.JoinInputs.Keyed;
import io.tidegrad.process.StopException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class JoinInputCodecTest {
    private static final byte[] ID = "tx-ä".getBytes(StandardCharsets.UTF_8);
    private static final byte[] KEY = {1, 2};
    private static final byte[] VALUE = {3, 4, 5};

    static List<Keyed> inputs() {
        Position at = new Position(5, 123_456_789_012L);
        return List.of(new Keyed(ID, new JoinInput.OfEvent(new EventRecord(-1, at, 1, new Content(VALUE)), KEY)),
                new Keyed(ID,
                        new JoinInput.OfEvent(new EventRecord(1_795_000_000_000L, at, 2.5,
                                new Content(new byte[0], new CarriedHeader("tidegrad-served-model", VALUE),
                                        new CarriedHeader("tidegrad-served-ÿ", null))),
                                null)),
                new Keyed(ID, new JoinInput.OfLabel(new LabelRecord(Long.MAX_VALUE, at, "späte", KEY, VALUE))),
                new Keyed(ID, new JoinInput.OfLabel(new LabelRecord(Long.MIN_VALUE, at, null, null, null))),
                new Keyed(KeyProcessor.TICK_KEY, new JoinInput.OfTick(1_795_000_000_000L)));
    }

    private static byte[] encode(Keyed... inputs) {
        return JoinInputCodec.encode(new JoinInputs(0, List.of(inputs)));
    }

    @Test
    void manyInputsAreReadInTheOrderInWhichTheyWereWritten() {
        byte[] bytes = JoinInputCodec.encode(new JoinInputs(7, inputs()));
        assertThat(JoinInputCodec.decode("topic", bytes).all()).usingRecursiveComparison().isEqualTo(inputs());
    }

    @ParameterizedTest
    @MethodSource("inputs")
    void anInputTakesNoMoreBytesThanItIsCountedWith(Keyed input) {
        int frame = encode().length;
        assertThat(encode(input).length - frame).isLessThanOrEqualTo(JoinInputCodec.bytesMax(input));
    }

    /// Repartition topics outlive an upgrade.
    @Test
    void theBytesStayWhatTheyAre() {
        Position at = new Position(5, 300);
        byte[] id = {'a'};
        assertThat(
                HexFormat.of()
                        .formatHex(encode(
                                new Keyed(id,
                                        new JoinInput.OfEvent(new EventRecord(-1, at, 2.5,
                                                new Content(VALUE, new CarriedHeader("h", KEY),
                                                        new CarriedHeader("n", null))),
                                                KEY)),
                                new Keyed(id, new JoinInput.OfLabel(new LabelRecord(1, at, "1", KEY, VALUE))),
                                new Keyed(KeyProcessor.TICK_KEY, new JoinInput.OfTick(64)))))
                .isEqualTo("0103" + "1d01610105ac0200000000000004400201020303" + "0405" + "02016801020102016e00"
                        + "1e01610205ac020131020102" + "03030405" + "038001");
    }

    @Test
    void bytesThatAreCutOrOfAnotherFormatAreRefused() {
        byte[] whole = JoinInputCodec.encode(new JoinInputs(0, inputs()));
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> JoinInputCodec.decode("topic", cut)).isInstanceOf(StopException.class)
                    .hasMessageContaining("record of topic");
        }
        whole[0] = 99;
        assertThatThrownBy(() -> JoinInputCodec.decode("topic", whole))
                .hasMessageContaining("expected format 1, found 99; a newer build can read it");
    }
}
