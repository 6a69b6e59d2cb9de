package io.tidegrad.joiner.join;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Each row of the table of cases in docs/streams.md. Times are seconds; `wait` is 30, `window` 100.
class LabelJoinTest {
    private static final String SPEC = """
            stream: payments
            events: { topic: payments, key: id }
            labels: { topic: chargebacks, key: id, value: fraud }
            join: { wait: PT30S, missing: 0, window: PT100S }
            """;

    private final List<String> output = new ArrayList<>();
    private LabelJoin join = new LabelJoin(StreamSpec.parse(SPEC, "spec"));
    private String id = "tx";
    private @Nullable Entry entry;
    private long now = Long.MIN_VALUE;

    private final JoinOutput collected = new JoinOutput() {
        @Override
        public void example(String of, Example example, @Nullable Content content) {
            assertThat(of).isEqualTo(id);
            output.add(example.kind().code() + " " + (example.oldLabel() == null ? "" : example.oldLabel() + ">")
                    + example.label() + (example.weight() == 1 ? "" : " x" + example.weight()) + " of "
                    + example.source().offset() + (content == null ? "" : " in hand"));
        }

        @Override
        public void refuse(Reason reason, String detail) {
            output.add(reason.code());
        }

        @Override
        public void orphan(LabelRecord label, String detail) {
            output.add(Reason.ORPHAN_LABEL.code() + " " + label.at().offset());
        }

        @Override
        public void count(Counted what) {
            output.add(what.code());
        }
    };

    private LabelJoinTest spec(String from, String to) {
        assertThat(SPEC).contains(from);
        join = new LabelJoin(StreamSpec.parse(SPEC.replace(from, to), "spec"));
        return this;
    }

    private LabelJoinTest event(long seconds, long offset) {
        EventRecord event = new EventRecord(seconds * 1_000, new Position(4, offset), 1, new Content(new byte[]{1}));
        return at(seconds, () -> join.event(id, entry, event, now, collected));
    }

    private LabelJoinTest label(long seconds, @Nullable String label) {
        LabelRecord record = new LabelRecord(seconds * 1_000, new Position(5, 70), label, null, null);
        return at(seconds, () -> join.label(id, entry, record, now, collected));
    }

    private LabelJoinTest takenBack(long seconds) {
        return label(seconds, null);
    }

    /// The task takes a record of another id.
    private LabelJoinTest until(long seconds) {
        return at(seconds, () -> entry == null ? null : join.expire(id, entry, now, collected));
    }

    private LabelJoinTest at(long seconds, java.util.function.Supplier<@Nullable Entry> step) {
        now = Math.max(now, seconds * 1_000);
        Entry left = step.get();
        entry = left == null ? null : EntryCodec.decode(EntryCodec.encode(left), "entry");
        return this;
    }

    private void gives(String... lines) {
        assertThat(output).containsExactly(lines);
    }

    private static final String FINAL = "final 1 of 9 in hand";
    private static final String PROVISIONAL = "provisional 0 of 9 in hand";

    @Test
    void aLabelWithinWaitGivesOneFinalExample() {
        event(10, 9).label(40, "1").until(1_000).gives(FINAL);
    }

    @Test
    void aLabelAtTheSameTimeIsWithinAWaitOfNothing() {
        spec("wait: PT30S", "wait: PT0S").event(10, 9).label(10, "1").until(1_000).gives(FINAL);
    }

    @Test
    void anEventAtTheTimeOfItsLabelGivesOneFinalExample() {
        label(10, "1").event(10, 9).until(1_000).gives(FINAL);
    }

    @Test
    void withoutALabelByThenTheMissingOneIsProvisional() {
        event(10, 9).until(40).gives();
        until(41).gives(PROVISIONAL);
        until(1_000).gives(PROVISIONAL);
        assertThat(entry).isNull();
    }

    @Test
    void withoutALabelByThenThereIsNoExampleIfTheSpecDropsIt() {
        spec("missing: 0", "missing: drop").event(10, 9).until(1_000).gives("unlabeled");
    }

    @Test
    void aLaterLabelCorrects() {
        event(10, 9).label(41, "1").gives(PROVISIONAL, "correction 0>1 of 9");
    }

    @Test
    void aLaterLabelOfADroppedEventGivesItsFirstExample() {
        spec("missing: 0", "missing: drop").event(10, 9).label(41, "1").label(42, "1").takenBack(43).label(44, "2")
                .gives("unlabeled", "final 1 of 9", "repeated-label", "correction 1>null of 9", "correction 2 of 9");
    }

    @Test
    void aLabelThatComesLateWithAnEarlyTimeIsLate() {
        event(10, 9).until(60).label(20, "1").gives(PROVISIONAL, "correction 0>1 of 9");
    }

    @Test
    void aLaterLabelIsADeadLetterIfTheSpecDropsIt() {
        spec("window: PT100S", "window: PT100S, late: drop").event(10, 9).label(41, "1").label(42, "0")
                .gives(PROVISIONAL, "late-label", "late-label");
    }

    @Test
    void aRetractionAfterWaitIsADeadLetterIfTheSpecDropsWhatIsLate() {
        spec("window: PT100S", "window: PT100S, late: drop").event(10, 9).label(12, "1").takenBack(41).gives(FINAL,
                "late-label");
    }

    @Test
    void aLabelBeforeItsEventIsKeptForIt() {
        label(10, "1").event(110, 9).gives("final 1 of 9 in hand");
    }

    @Test
    void aLabelWhoseEventDoesNotComeIsAnOrphan() {
        label(10, "1").until(110).gives();
        until(111).gives("orphan-label 70");
        assertThat(entry).isNull();
    }

    @Test
    void aLabelThatComesWhenItsWindowIsOverIsAnOrphanAtOnce() {
        until(500).label(10, "1").gives("orphan-label 70");
    }

    @Test
    void theSameEventAgainIsCounted() {
        event(10, 9).event(10, 10).label(11, "1").event(10, 11).gives("repeated-event", FINAL, "repeated-event");
    }

    @Test
    void theLastOfSeveralEventsIsTheExampleIfTheSpecSaysSo() {
        spec("window: PT100S", "window: PT100S, duplicates: last").event(10, 9).event(12, 10).until(41).event(10, 11)
                .gives("repeated-event", "provisional 0 of 10 in hand", "repeated-event");
    }

    @Test
    void anEventThatIsSentAgainAndAgainDoesNotWaitLonger() {
        spec("window: PT100S", "window: PT100S, duplicates: last").event(10, 9).event(30, 10).until(41)
                .gives("repeated-event", "provisional 0 of 10 in hand");
    }

    @Test
    void theSameLabelAgainIsCounted() {
        event(10, 9).label(11, "1").label(12, "1").label(13, "0").gives(FINAL, "repeated-label", "repeated-label");
    }

    @Test
    void aLabelThatChangesCorrectsIfTheSpecSaysSo() {
        spec("window: PT100S", "window: PT100S, duplicates: last").event(10, 9).label(11, "1").label(12, "1")
                .label(13, "2").label(14, "1")
                .gives(FINAL, "repeated-label", "correction 1>2 of 9", "correction 2>1 of 9");
    }

    @Test
    void theLastOfSeveralEarlyLabelsCountsIfTheSpecSaysSo() {
        spec("window: PT100S", "window: PT100S, duplicates: last").label(9, "2").label(10, "1").event(11, 9)
                .gives("repeated-label", FINAL);
    }

    @Test
    void aLabelThatIsTakenBackIsCorrectedToTheMissingOne() {
        event(10, 9).label(11, "1").takenBack(12).takenBack(13).gives(FINAL, "correction 1>0 of 9",
                "nothing-to-take-back");
    }

    @Test
    void afterARetractionTheNextLabelCounts() {
        event(10, 9).label(11, "1").takenBack(12).label(13, "1").gives(FINAL, "correction 1>0 of 9",
                "correction 0>1 of 9");
    }

    @Test
    void anEarlyLabelThatIsTakenBackWasNeverGiven() {
        label(9, "1").takenBack(10).event(11, 9).until(42).gives("early-label-taken-back", PROVISIONAL);
    }

    @Test
    void aRetractionWithoutLabelTakesNothingBack() {
        takenBack(9).event(10, 9).takenBack(11).until(41).takenBack(42).gives("nothing-to-take-back",
                "nothing-to-take-back", PROVISIONAL, "nothing-to-take-back");
    }

    @Test
    void aLateLabelThatSaysWhatWasMissingChangesNothing() {
        event(10, 9).label(41, "false").label(42, "1").gives(PROVISIONAL, "unchanged-label", "repeated-label");
    }

    @Test
    void anEventThatComesAfterItsWaitIsProvisionalAtOnce() {
        until(60).event(10, 9).label(61, "1").gives(PROVISIONAL, "correction 0>1 of 9");
    }

    @Test
    void anEventThatComesAfterItsWindowIsADeadLetter() {
        until(110).event(10, 9).gives(PROVISIONAL);
        output.clear();
        entry = null;
        until(111).event(10, 10).gives("late-event");
        assertThat(entry).isNull();
    }

    @Test
    void anEventAgainAfterItsLifeIsADeadLetterAndNoSecondExample() {
        event(10, 9).label(11, "1").until(111).event(10, 10).gives(FINAL, "late-event");
    }

    @Test
    void anIdThatIsUsedAgainAfterItsWindowHasANewLife() {
        event(10, 9).label(11, "1").event(111, 12).label(112, "2").gives(FINAL, "final 2 of 12 in hand");
    }

    @Test
    void aLabelAfterTheWindowIsAnOrphan() {
        event(10, 9).label(111, "1").until(212).gives(PROVISIONAL, "orphan-label 70");
    }

    @Test
    void aRecordMustNotLieAheadOfTheTime() {
        EventRecord event = new EventRecord(2, new Position(0, 0), 1, new Content(new byte[0]));
        assertThatThrownBy(() -> join.event(id, null, event, 1, collected)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("at least the record's, 2, found 1");
    }

    private static final String SAMPLED = "window: PT100S }\nsample: { negatives: 0.25, label: false }";

    @Test
    void aNegativeThatIsKeptCountsForTheOthers() {
        id = keptId(true);
        spec("window: PT100S }", SAMPLED).event(10, 9).label(41, "1").takenBack(42)
                .gives("provisional 0 x4.0 of 9 in hand", "correction 0>1 of 9", "correction 1>0 of 9");
    }

    @Test
    void aNegativeThatWasLeftOutIsStillCorrected() {
        id = keptId(false);
        spec("window: PT100S }", SAMPLED).event(10, 9).label(41, "1").takenBack(42).gives("sampled-out",
                "correction 0>1 of 9", "correction 1>0 of 9");
    }

    @Test
    void aPositiveIsAlwaysKept() {
        id = keptId(false);
        spec("window: PT100S }", SAMPLED).event(10, 9).label(11, "1").gives(FINAL);
    }

    private static String keptId(boolean kept) {
        Sampling sampling = Sampling.of(StreamSpec.parse(SPEC.replace("window: PT100S }", SAMPLED), "spec"));
        Example negative = new Example(Example.Kind.FINAL, "0", null, 1, new Example.Source("payments", 0, 0), 0, 0L);
        for (int i = 0;; i++) {
            if (sampling != null && (sampling.sampled("id-" + i, negative) != null) == kept) {
                return "id-" + i;
            }
        }
    }

    private void take(LabeledEvents events, EventRecord event, String label) {
        collected.example(id, Objects.requireNonNull(events.example(id, event, label)), event.content());
    }

    @Test
    void anEventThatBringsItsLabelIsAFinalExample() {
        String spec = "stream: s\nevents: { topic: payments, key: id }\nlabel: fraud\n";
        EventRecord event = new EventRecord(5, new Position(4, 9), 1, new Content(new byte[]{1}));
        take(new LabeledEvents(StreamSpec.parse(spec, "spec")), event, "1");
        id = keptId(false);
        LabeledEvents sampled =
                new LabeledEvents(StreamSpec.parse(spec + "sample: { negatives: 0.25, label: 0 }\n", "spec"));
        assertThat(sampled.example(id, event, "false")).isNull();
        take(sampled, event, "1");
        id = keptId(true);
        take(sampled, event, "false");
        gives(FINAL, FINAL, "final false x4.0 of 9 in hand");
        assertThatThrownBy(() -> new LabeledEvents(StreamSpec.parse(SPEC, "spec")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theDocumentNamesEverythingThatIsCountedOrRefused() throws IOException {
        String document = Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs/streams.md"));
        assertThat(JoinOutput.Counted.values())
                .allSatisfy(what -> assertThat(document).contains("`" + what.code() + "`"));
        assertThat(JoinOutput.Reason.values()).allSatisfy(why -> assertThat(document).contains("`" + why.code() + "`"));
    }

    @Test
    void headersThatExamplesCarryWaitWithTheirEvent() {
        CarriedHeader header = new CarriedHeader("tidegrad-served-model", new byte[]{7});
        CarriedHeader empty = new CarriedHeader("tidegrad-served-epoch", null);
        Entry waiting = new Entry.Waiting(5,
                new EventRecord(5, new Position(1, 2), 2.5, new Content(new byte[]{1, 2}, header, empty)));
        List<Content> contents = new ArrayList<>();
        Entry read = EntryCodec.decode(EntryCodec.encode(waiting), "entry");
        join.expire(id, read, 1_000_000, new JoinOutput() {
            @Override
            public void example(String of, Example example, @Nullable Content content) {
                assertThat(example.weight()).isEqualTo(2.5);
                if (content != null) {
                    contents.add(content);
                }
            }

            @Override
            public void refuse(Reason reason, String detail) {}

            @Override
            public void orphan(LabelRecord label, String detail) {}

            @Override
            public void count(Counted what) {}
        });
        assertThat(contents).usingRecursiveFieldByFieldElementComparator()
                .containsExactly(new Content(new byte[]{1, 2}, header, empty));
    }
}
