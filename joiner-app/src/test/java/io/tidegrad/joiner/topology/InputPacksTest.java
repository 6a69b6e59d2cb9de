package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.topology.JoinInputs.Keyed;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Two tasks of a thread, and three partitions.
class InputPacksTest {
    private final Object task = "task";
    private final Object other = "other";
    private final InputPacks packs = new InputPacks(3);
    private final List<JoinInputs> sent = new ArrayList<>();

    private static Keyed event(int number, int bytes) {
        return new Keyed(("tx-" + number).getBytes(StandardCharsets.UTF_8), new JoinInput.OfEvent(
                new EventRecord(number, new Position(0, number), 1, new Content(new byte[bytes])), null));
    }

    private static List<Long> numbers(JoinInputs inputs) {
        return inputs.all().stream().map(each -> each.input().time()).toList();
    }

    @Test
    void inputsOfAllTasksOfAThreadGoOutInTheOrderInWhichTheyCame() {
        packs.add(task, 1, event(1, 10), sent::add);
        packs.add(other, 1, event(2, 10), sent::add);
        packs.add(task, 0, event(3, 10), sent::add);
        packs.add(task, 1, event(4, 10), sent::add);
        assertThat(sent).isEmpty();
        packs.send(sent::add);
        assertThat(sent).extracting(JoinInputs::partition).containsExactly(0, 1);
        assertThat(sent).extracting(InputPacksTest::numbers).containsExactly(List.of(3L), List.of(1L, 2L, 4L));
        packs.send(sent::add);
        assertThat(sent).as("nothing is left").hasSize(2);
    }

    @Test
    void whatATaskLostIsForgottenAndWhatOthersReadIsNot() {
        packs.add(task, 1, event(1, 10), sent::add);
        packs.add(other, 1, event(2, 10), sent::add);
        packs.add(task, 2, event(3, 10), sent::add);
        packs.forget(task);
        packs.add(task, 1, event(1, 10), sent::add);
        packs.send(sent::add);
        assertThat(sent).extracting(InputPacksTest::numbers).containsExactly(List.of(2L, 1L));
    }

    @Test
    void whatCouldNotBeSentIsNotSentAgainInAnotherTransaction() {
        packs.add(task, 1, event(1, 10), sent::add);
        assertThatThrownBy(() -> packs.send(inputs -> {
            throw new IllegalStateException("fenced");
        })).hasMessage("fenced");
        packs.send(sent::add);
        assertThat(sent).isEmpty();
    }

    @Test
    void aRecordStaysWithinItsBoundsAndALargeEventGoesAlone() {
        Random random = new Random(3);
        List<Long> added = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            packs.add(task, 1, event(i, random.nextInt(100) == 0 ? 100_000 : random.nextInt(i < 2_500 ? 20 : 4_000)),
                    sent::add);
            added.add((long) i);
        }
        packs.send(sent::add);
        assertThat(sent.stream().flatMap(each -> numbers(each).stream())).isEqualTo(added);
        for (JoinInputs each : sent) {
            assertThat(each.all()).hasSizeBetween(1, InputPacks.COUNT_MAX);
            if (each.all().size() > 1) {
                assertThat(JoinInputCodec.encode(each)).hasSizeLessThanOrEqualTo(InputPacks.BYTES_MAX);
            }
        }
        assertThat(sent.stream().filter(each -> each.all().size() == InputPacks.COUNT_MAX)).isNotEmpty();
        assertThat(sent.stream().filter(each -> JoinInputCodec.encode(each).length > 100_000)).isNotEmpty();
    }

    @Test
    void theTimeOfARecordIsTheLargestOfItsInputs() {
        JoinInputs inputs = new JoinInputs(0, List.of(event(5, 0), event(9, 0), event(7, 0)));
        assertThat(inputs.time()).isEqualTo(9);
        assertThat(new JoinInputs(0, List.of(event(-5, 0))).time()).as("Kafka knows no time before 1970").isZero();
    }
}
