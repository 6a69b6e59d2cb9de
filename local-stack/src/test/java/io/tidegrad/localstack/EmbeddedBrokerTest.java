package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.LongProof;
import org.junit.jupiter.api.Test;

@LongProof("three brokers")
final class EmbeddedBrokerTest {
    @Test
    void threeNodesCommitATransactionWithOneOfThemStopped() throws Exception {
        try (EmbeddedBroker cluster = EmbeddedBroker.start(BrokerOptions.temporary().withNodes(3))) {
            String bootstrap = cluster.bootstrapServers();
            Clients.createTopic(bootstrap, "numbers", 3);
            try (var producer = Clients.transactionalProducer(bootstrap, "three")) {
                producer.initTransactions();
                Clients.commit(producer, "numbers", 0, 100);
                cluster.stopNode(2);
                Clients.commit(producer, "numbers", 100, 200);
                cluster.startNode(2);
            }
            assertThat(Clients.readCommitted(bootstrap, "numbers")).isEqualTo(Clients.values(0, 200));
        }
    }
}
