package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.UnknownServerException;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KafkaClientsTest {
    /// The last one has no type of its own: `TransactionManager.EndTxnHandler` makes it.
    private static KafkaException[] answersToACommitAfterATakeover() {
        return new KafkaException[]{new ProducerFencedException("fenced"), new InvalidProducerEpochException("old"),
            new InvalidTxnStateException("aborted"),
            new KafkaException("Unhandled error in EndTxnResponse: " + Errors.UNKNOWN_SERVER_ERROR.message())};
    }

    @ParameterizedTest
    @MethodSource("answersToACommitAfterATakeover")
    void aProducerKnowsThatAnotherOneTookOverWhicheverAnswerItsCommitGets(KafkaException answer) {
        assertThat(KafkaClients.isTakenOver(answer)).isTrue();
        assertThat(KafkaClients.isTakenOver(new KafkaException("while committing", answer))).isTrue();
    }

    @Test
    void anErrorOfTheBrokerElsewhereIsNoTakeover() {
        assertThat(KafkaClients.isTakenOver(new UnknownServerException(Errors.UNKNOWN_SERVER_ERROR.message())))
                .isFalse();
        assertThat(KafkaClients.isTakenOver(
                new KafkaException("Unhandled error in EndTxnResponse: " + Errors.REQUEST_TIMED_OUT.message())))
                .isFalse();
    }
}
