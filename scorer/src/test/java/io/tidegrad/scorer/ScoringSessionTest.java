package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.TypedEvent;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.proof.SteadyAllocation;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;

class ScoringSessionTest {
    private final TestTrainer trainer = TestTrainer.of("flights").learn(100);

    @Test
    void aPredictionAllocatesNothingAcrossSwaps() {
        TestIntake intake = new TestIntake("flights", 64 << 20, InstantSource.system());
        intake.accept(trainer.publish());
        Event[] events = IntStream.range(0, 64).mapToObj(TestTrainer::event).toArray(Event[]::new);
        ScoringSession session = intake.session(8);
        PublishedSnapshot next = trainer.learn(10).publish();

        Runnable scoreMany = () -> score(session, events, 1_000);
        assertThat(SteadyAllocation.ofThisThread(1_000, scoreMany)).as("bytes of 1,000 predictions").isZero();

        intake.accept(next);
        assertThat(score(session, events, 1)).isPositive();
        assertThat(SteadyAllocation.ofThisThread(1_000, scoreMany))
                .as("bytes of 1,000 predictions with the next version").isZero();
        assertThat(session.version()).isEqualTo(110);
    }

    @Test
    void anEventThatIsFilledThroughHandlesCostsNothingAndAnswersTheSame() {
        TestIntake intake = new TestIntake("flights", 64 << 20, InstantSource.system());
        intake.accept(trainer.publish());
        ScoringSession session = intake.session(1);
        TypedEvent event = new TypedEvent("origin", "destination", "distance", "departed");
        int origin = event.field("origin");
        int destination = event.field("destination");
        int distance = event.field("distance");
        int departed = event.field("departed");
        String[] airports = {"ATL", "BOS", "DEN", "JFK"};
        Runnable scoreMany = () -> {
            for (int i = 0; i < 1_000; i++) {
                event.set(origin, airports[i & 3]).set(destination, airports[i >> 2 & 3]).set(distance, 1_000.0 + i)
                        .set(departed, 978_307_200_000L + i);
                if (session.score(event) != null) {
                    throw new AssertionError("rejected");
                }
            }
        };
        assertThat(SteadyAllocation.ofThisThread(1_000, scoreMany)).as("bytes of 1,000 filled and scored").isZero();

        for (int i = 0; i < 64; i++) {
            Map<String, ?> fields = TestTrainer.event(i).fields();
            event.clear().set(origin, value(fields, "origin").toString())
                    .set(destination, value(fields, "destination").toString())
                    .set(distance, (Long) value(fields, "distance")).set(departed, (Long) value(fields, "departed"));
            assertThat(session.score(event)).isNull();
            assertThat(session.probability(0)).isEqualTo(trainer.answers(new long[]{i})[0]);
        }
    }

    private static Object value(Map<String, ?> fields, String name) {
        return Objects.requireNonNull(fields.get(name), name);
    }

    private static double score(ScoringSession session, Event[] events, int times) {
        double sum = 0;
        for (int i = 0; i < times; i++) {
            if (session.score(events[i & 63]) == null) {
                sum += session.probability(0) + session.version() + session.freshnessMs();
            }
        }
        return sum;
    }

    private static GenericRecord record(String field, double value) {
        GenericRecord record =
                new GenericData.Record(SchemaBuilder.record("Flight").fields().requiredDouble(field).endRecord());
        record.put(field, value);
        return record;
    }

    /// The trainer would find the field under the name that the schema has for it, so that a guess would not be its answer.
    @Test
    void aRecordThatMayHaveAFieldUnderAnotherNameIsScoredByTheSchemaThatKnowsItOrNotAtAll() {
        TestIntake intake = new TestIntake("flights", 64 << 20, InstantSource.system());
        intake.accept(TestTrainer.ofSchema("flights", 7).learn(100).publish());
        ScoringSession session = intake.session(8);
        assertThat(session.score(record("distance", 500))).isNull();
        float expected = session.probability(0);

        assertThat(session.score(record("miles", 500))).isEqualTo(new Rejection(Rejection.Reason.UNKNOWN_FIELD,
                "field 'distance': expected one that the event's schema has, found none in Flight (known: miles); the"
                        + " model finds fields by schema id 7 too: score(new AvroEvent(that schema).of(record))"));
        Schema seven = SchemaBuilder.record("Flight").fields().name("distance").aliases("miles").type().doubleType()
                .noDefault().endRecord();
        assertThat(session.score(new AvroEvent(seven).of(record("miles", 500)))).isNull();
        assertThat(session.probability(0)).isEqualTo(expected);
    }

    @Test
    void aBatchAnswersBitForBitAsItsEventsAlone() {
        try (Scorer scorer =
                Scorer.of(trainer.publish().manifest(), parts(trainer.publish()), InstantSource.system())) {
            List<Event> events = new ArrayList<>();
            IntStream.range(0, 77).forEach(offset -> events.add(TestTrainer.event(offset)));
            Predictions together = scorer.scoreAll(events);
            assertThat(together.size()).isEqualTo(77);
            for (int i = 0; i < events.size(); i++) {
                float alone = scorer.score(events.get(i)).probabilities()[0];
                assertThat(Float.floatToRawIntBits(together.probability(i, 0)))
                        .isEqualTo(Float.floatToRawIntBits(alone));
            }
        }
    }

    static List<byte[]> parts(PublishedSnapshot snapshot) {
        return snapshot.records().subList(0, snapshot.records().size() - 1).stream().map(record -> record.value())
                .toList();
    }

    @Test
    void aRejectedEventLeavesTheBatchAsItWas() {
        TestIntake intake = new TestIntake("flights");
        intake.accept(trainer.publish());
        ScoringSession session = intake.session(4);
        session.begin();
        assertThat(session.add(TestTrainer.event(1))).isNull();
        Rejection rejection = session.add(new MapEvent(Map.of("distance", "far", "departed", 0L)));
        assertThat(rejection).isNotNull();
        assertThat(rejection.reason()).isEqualTo(Rejection.Reason.WRONG_TYPE);
        assertThat(session.add(TestTrainer.event(2))).isNull();
        session.score();
        assertThat(session.size()).isEqualTo(2);
        float[] expected = trainer.answers(new long[]{1, 2});
        assertThat(session.probability(0, 0)).isEqualTo(expected[0]);
        assertThat(session.probability(1, 0)).isEqualTo(expected[1]);
    }

    @Test
    void aVersionIsKeptUntilTheNextBegin() {
        TestIntake intake = new TestIntake("flights");
        intake.accept(trainer.publish());
        ScoringSession session = intake.session(1);
        session.begin();
        assertThat(session.add(TestTrainer.event(1))).isNull();
        float[] expected = trainer.answers(new long[]{1});
        intake.accept(trainer.learn(10).publish());
        session.score();
        assertThat(session.version()).isEqualTo(100);
        assertThat(session.probability(0)).isEqualTo(expected[0]);
        session.score(TestTrainer.event(1));
        assertThat(session.version()).isEqualTo(110);
    }

    @Test
    void nothingIsAnsweredBeforeTheFirstVersion() {
        ScoringSession session = new TestIntake("flights").session(1);
        assertThatThrownBy(() -> session.score(TestTrainer.event(1))).isInstanceOf(NotReadyException.class)
                .hasMessageContaining("flights");
    }

    @Test
    void anEpochWithAnotherSpecRebuildsTheSession() {
        TestIntake intake = new TestIntake("flights");
        intake.accept(trainer.publish());
        ScoringSession session = intake.session(1);
        session.score(TestTrainer.event(1));
        TestTrainer wider = TestTrainer.of("flights", 2, 24).learn(30);
        intake.accept(wider.publish());
        assertThat(session.score(TestTrainer.event(1))).isNull();
        assertThat(session.epoch()).isEqualTo(2);
        assertThat(session.probability(0)).isEqualTo(wider.answers(new long[]{1})[0]);
    }

    @Test
    void theHashIsRecomputedFromTheServedFloats() {
        TestIntake intake = new TestIntake("flights");
        intake.accept(trainer.publish());
        ServedVersion served = intake.served();
        assertThat(served.weightsHash()).isEqualTo(trainer.model().weightsHash());
        assertThat(served.weightsHash()).hasSize(64);
    }

    @Test
    void theLastThreeVersionsAreKept() {
        TestIntake intake = new TestIntake("flights");
        for (int i = 0; i < 6; i++) {
            intake.accept(trainer.learn(1).publish());
        }
        assertThat(intake.current.previous()).extracting(ServedVersion::version).containsExactly(105L, 104L, 103L);
        assertThat(intake.admissions.count()).isEqualTo(6);
        assertThat(intake.admissions.after(4)).extracting(AdmissionLog.Entry::version).containsExactly(105L, 106L);
    }

    @Test
    void earlierVersionsAreKeptWithinASizeOnly() {
        long bytes = trainer.publish().manifest().servedBytes();
        TestIntake intake = new TestIntake("flights", 2 * bytes + bytes / 2, InstantSource.system());
        for (int i = 0; i < 6; i++) {
            intake.accept(trainer.learn(1).publish());
        }
        assertThat(intake.current.previous()).extracting(ServedVersion::version).containsExactly(105L, 104L);
    }
}
