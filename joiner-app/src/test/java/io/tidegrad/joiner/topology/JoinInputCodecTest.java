package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.process.StopException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class JoinInputCodecTest {
    private static final byte[] KEY = {1, 2};
    private static final byte[] VALUE = {3, 4, 5};

    static List<JoinInput> inputs() {
        Position at = new Position(5, 123_456_789_012L);
        return List.of(new JoinInput.OfEvent(new EventRecord(-1, at, 1, new Content(VALUE)), KEY),
                new JoinInput.OfEvent(new EventRecord(1_795_000_000_000L, at, 2.5,
                        new Content(new byte[0], new CarriedHeader("tidegrad-served-model", VALUE),
                                new CarriedHeader("tidegrad-served-x", null))),
                        null),
                new JoinInput.OfLabel(new LabelRecord(Long.MAX_VALUE, at, "späte", KEY, VALUE)),
                new JoinInput.OfLabel(new LabelRecord(Long.MIN_VALUE, at, null, null, null)),
                new JoinInput.OfTick(1_795_000_000_000L));
    }

    @ParameterizedTest
    @MethodSource("inputs")
    void whatIsWrittenIsRead(JoinInput input) {
        RecordHeaders headers = new RecordHeaders();
        if (input instanceof JoinInput.OfEvent event) {
            JoinInputCodec.carry(event.event().content(), headers);
        }
        assertThat(JoinInputCodec.decode("topic", headers, JoinInputCodec.encode(input))).usingRecursiveComparison()
                .isEqualTo(input);
    }

    @Test
    void headersThatAProducerAddsAreNotCarriedOn() {
        RecordHeaders headers = new RecordHeaders();
        headers.add("tidegrad-served-model", VALUE).add("traceparent", VALUE);
        byte[] bytes = JoinInputCodec
                .encode(new JoinInput.OfEvent(new EventRecord(1, new Position(0, 0), 1, new Content(VALUE)), null));
        assertThat(JoinInputCodec.decode("topic", headers, bytes)).isInstanceOfSatisfying(JoinInput.OfEvent.class,
                event -> assertThat(event.event().content().headers()).extracting(CarriedHeader::name)
                        .containsExactly("tidegrad-served-model"));
    }

    /// Repartition topics outlive an upgrade.
    @Test
    void theBytesStayWhatTheyAre() {
        Position at = new Position(5, 300);
        assertThat(List
                .of(new JoinInput.OfEvent(new EventRecord(-1, at, 2.5, new Content(VALUE)), KEY),
                        new JoinInput.OfLabel(new LabelRecord(1, at, "1", KEY, VALUE)), new JoinInput.OfTick(64))
                .stream().map(JoinInputCodec::encode).map(HexFormat.of()::formatHex))
                .containsExactly("010d0105ac0200000000000004400201020303" + "0405",
                        "011e0205ac020131020102" + "03030405", "01038001");
    }

    @ParameterizedTest
    @MethodSource("inputs")
    void bytesThatAreCutOrOfAnotherFormatAreRefused(JoinInput input) {
        byte[] whole = JoinInputCodec.encode(input);
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> JoinInputCodec.decode("topic", new RecordHeaders(), cut))
                    .isInstanceOf(StopException.class).hasMessageContaining("record of topic");
        }
        whole[0] = 99;
        assertThatThrownBy(() -> JoinInputCodec.decode("topic", new RecordHeaders(), whole))
                .hasMessageContaining("expected format 1, found 99; a newer build can read it");
    }
}
