package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.stream.Example;
import org.junit.jupiter.api.Test;

class EachOnceTest {
    private final EachOnce once = new EachOnce("payments");

    private void add(Example.Kind kind, String topic, int partition, long offset) {
        once.add(new Example(kind, "1", null, 1, new Example.Source(topic, partition, offset), 0, null));
    }

    @Test
    void eachEventHasOneFinalExample() {
        add(Example.Kind.FINAL, "payments", 0, 0);
        add(Example.Kind.FINAL, "payments", 1, 0);
        add(Example.Kind.FINAL, "payments", 0, 1);
        assertThat(once.violation(3)).isEmpty();
        assertThat(once.violation(4)).hasValueSatisfying(found -> assertThat(found).contains("those of 3 events"));
    }

    @Test
    void anExampleTwiceInPlaceOfAnotherIsFound() {
        add(Example.Kind.FINAL, "payments", 0, 0);
        add(Example.Kind.FINAL, "payments", 0, 0);
        assertThat(once.violation(2))
                .hasValueSatisfying(found -> assertThat(found).contains("those of 1 events, 1 more"));
        assertThat(once.violation(1)).isPresent();
    }

    @Test
    void anExampleThatIsNotFinalOrOfAnotherTopicIsFound() {
        add(Example.Kind.FINAL, "payments", 0, 0);
        add(Example.Kind.PROVISIONAL, "payments", 0, 1);
        add(Example.Kind.FINAL, "others", 0, 1);
        assertThat(once.violation(1))
                .hasValueSatisfying(found -> assertThat(found).contains("and 2 that are not final"));
    }
}
