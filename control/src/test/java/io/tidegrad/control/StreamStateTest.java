package io.tidegrad.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.Topics;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

class StreamStateTest {
    private static final Topics TOPICS = new Topics("p");

    private static StreamAction create(int epoch) {
        return new StreamAction.Create(epoch, "stream: s\nevents: { topic: t }\nlabel: l\n",
                new StreamAction.Source("t", "id", 6), null, "examples", null);
    }

    private static StreamState after(StreamAction... actions) {
        List<StreamRecord> records = new ArrayList<>();
        for (StreamAction action : actions) {
            records.add(new StreamRecord("other", new StreamAction.Delete(0), 0, "", ""));
            records.add(new StreamRecord("s", action, records.size(), "ann@host", ""));
        }
        return Objects.requireNonNull(StreamState.all(records).get("s"));
    }

    private static StreamState.Epoch current(StreamState state) {
        return Objects.requireNonNull(state.current());
    }

    private static List<Integer> epochs(StreamState state) {
        return state.epochs().stream().map(StreamState.Epoch::number).toList();
    }

    @Test
    void aNewEpochStandsBesideEarlierOnes() {
        StreamState state = after(create(1), create(2));
        assertThat(epochs(state)).containsExactly(1, 2);
        assertThat(current(state).number()).isEqualTo(2);
        assertThat(current(state).spec().events().topic()).isEqualTo("t");
        assertThat(current(state).since()).isEqualTo(3);
    }

    @Test
    void anEpochThatIsCreatedOnceMoreGetsAnotherSpecIfAllElseIsTheSame() {
        StreamAction.Create first = (StreamAction.Create) create(1);
        StreamAction.Create changed = first.withSpec(first.spec() + "align: PT1M\n");
        StreamState state = after(first, create(2), new StreamAction.Pause(), changed);
        assertThat(epochs(state)).containsExactly(1, 2);
        assertThat(state.paused()).isTrue();
        assertThat(state.requireEpoch(1).spec().align()).hasMinutes(1);
        assertThat(state.requireEpoch(1).since()).as("of its beginning").isEqualTo(1);
        assertThat(state.requireEpoch(2).spec().align()).hasMinutes(10);
        StreamAction.Create elsewhere =
                new StreamAction.Create(1, changed.spec(), changed.events(), null, "examples", Instant.EPOCH);
        assertThat(after(first, elsewhere).requireEpoch(1).create()).as("another beginning").isEqualTo(first);
    }

    @Test
    void pausingIsOfTheStreamAndOutlivesANewEpoch() {
        assertThat(after(create(1), new StreamAction.Pause(), create(2)).paused()).isTrue();
        assertThat(after(create(1), new StreamAction.Pause(), new StreamAction.Resume()).paused()).isFalse();
    }

    @Test
    void anEpochThatIsDeletedLeavesItsNumberTaken() {
        StreamState state = after(create(1), create(2), new StreamAction.Delete(2));
        assertThat(epochs(state)).containsExactly(1);
        assertThat(state.last()).isEqualTo(2);
        assertThat(state.epoch(2)).isNull();
        assertThat(epochs(after(create(1), create(2), new StreamAction.Delete(2), create(2)))).containsExactly(1);
    }

    @Test
    void aStreamIsDeletedWithItsLastEpochAndBeginsUnpaused() {
        assertThat(after(create(1), new StreamAction.Delete(1)).exists()).isFalse();
        StreamState state = after(create(1), create(2), new StreamAction.Pause(), new StreamAction.Delete(0));
        assertThat(state.exists()).isFalse();
        assertThat(state.current()).isNull();
        StreamState again = after(create(1), new StreamAction.Pause(), new StreamAction.Delete(0), create(2));
        assertThat(again.paused()).isFalse();
        assertThat(epochs(again)).containsExactly(2);
    }

    @Test
    void aSpecThatThisBuildCantReadSaysWhose() {
        StreamState state = after(new StreamAction.Create(1, "stream: s\nevents: { topic: t }\nlabel: l\nnovel: 1\n",
                new StreamAction.Source("t", "id", 6), null, "examples", null));
        assertThatThrownBy(() -> current(state).spec()).isInstanceOf(ControlException.class)
                .hasMessageContaining("the spec of stream s, epoch 1").hasMessageContaining("novel");
    }

    private static ControlLog.View view(StreamAction... actions) {
        List<StreamRecord> records = new ArrayList<>();
        for (StreamAction action : actions) {
            records.add(new StreamRecord("s", action, 1_700_000_000_000L, "ann@host", ""));
        }
        return ControlLog.View.of(new ControlLog.Records(List.of(), records),
                new ModelCatalog.Content(Map.of(), Set.of(), Set.of()));
    }

    private static ModelSpec model(String stream) {
        return ModelSpec.parse("""
                model: m
                input: { stream: %s }
                features: [ number: { field: a } ]
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { sgd: { rate: 0.1 } }
                """.formatted(stream), "spec");
    }

    @Test
    void aModelOfAStreamLearnsFromItsNewestEpoch() {
        ModelSpec given = model("s");
        ModelSpec placed = view(create(1), create(2)).placed(given, TOPICS);
        assertThat(placed.inputTopic()).isEqualTo("p.examples.s.2");
        assertThat(placed.fingerprint()).isEqualTo(given.fingerprint());
        assertThat(view(create(1), create(2), new StreamAction.Delete(2)).placed(given, TOPICS).inputTopic())
                .isEqualTo("p.examples.s.1");
    }

    @Test
    void aModelOfAStreamThatIsNotThereIsRefused() {
        assertThatThrownBy(() -> view(create(1)).placed(model("t"), TOPICS)).isInstanceOf(ControlException.class)
                .hasMessage(
                        "model m, input.stream: expected the stream t, found only s; correct the name or the prefix,"
                                + " or create it: tidegrad streams create --spec FILE");
        assertThatThrownBy(() -> view().placed(model("t"), TOPICS)).hasMessageContaining("found no stream;");
        assertThatThrownBy(() -> view(create(1), new StreamAction.Delete(0)).placed(model("s"), TOPICS))
                .hasMessageContaining("found that ann@host deleted it at 2023-11-14T22:13:20Z; create it anew");
    }

    @Test
    void aTopicOfExamplesTellsItsStreamAndEpoch() {
        assertThat(TOPICS.streamEpoch(TOPICS.examples("card-payments", 12)))
                .isEqualTo(new Topics.StreamEpoch("card-payments", 12));
        assertThat(TOPICS.streamEpoch("q.examples.card-payments.12")).isNull();
        assertThat(TOPICS.streamEpoch("p.examples.card-payments.0")).isNull();
        assertThat(TOPICS.streamEpoch("payments")).isNull();
    }

    @Test
    void allRefusalsAreToldTogether() {
        Refusals refusals = new Refusals();
        refusals.throwIfAny("nothing");
        refusals.add("topic t", "the topic of events", "no such topic", "create it");
        refusals.add("topic longer", "a", "b", "mend it");
        assertThatThrownBy(() -> refusals.throwIfAny("stream s can't be created")).isInstanceOf(ControlException.class)
                .hasMessage("""
                        stream s can't be created:
                          where         expected             found          what to do
                          topic t       the topic of events  no such topic  create it
                          topic longer  a                    b              mend it""");
    }
}
