package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.junit.jupiter.api.Test;

class MissingRightTest {
    private static final TopicAuthorizationException DENIED = new TopicAuthorizationException(Set.of("events"));

    @Test
    void theOperationIsTheOneThatTheClientIsFor() {
        assertThat(MissingRight.of(DENIED))
                .isEqualTo("expected the right READ on topic events, found that ACLs deny it");
        assertThat(MissingRight.of(new KafkaException("Error encountered sending record to topic events", DENIED)))
                .isEqualTo("expected the right WRITE on topic events, found that ACLs deny it");
        assertThat(MissingRight.of(new KafkaException("Could not create topic p-changelog.",
                new TopicAuthorizationException("Authorization failed."))))
                .isEqualTo("expected the right CREATE on topic p-changelog, found that ACLs deny it");
        assertThat(MissingRight.of(GroupAuthorizationException.forGroupId("g"))).contains("right READ on the group",
                "g");
        assertThat(MissingRight.of(new TransactionalIdAuthorizationException("no")))
                .contains("right WRITE on the transactional id");
    }

    @Test
    void aProducerWritesToAllTopicsButThatOfItsOffsets() {
        assertThat(MissingRight.ofProducer(DENIED, "requests")).hasMessageContaining("right WRITE on topic events,");
        assertThat(MissingRight.ofProducer(DENIED, "events")).hasMessageContaining("right READ on topic events,");
    }

    @Test
    void whatNamesTheRightItselfStaysAsItIs() {
        String named = MissingRight.text("CREATE", "topic events");
        assertThat(MissingRight.of(new TopicAuthorizationException(named, Set.of("events")))).isEqualTo(named);
        assertThat(MissingRight.of(new KafkaException("something else"))).isNull();
    }
}
