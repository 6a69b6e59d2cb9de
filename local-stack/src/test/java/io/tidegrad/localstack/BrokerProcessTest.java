package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.LongProof;
import org.junit.jupiter.api.Test;

@LongProof("a broker process that is killed")
final class BrokerProcessTest {
    @Test
    void whatWasCommittedOutlivesAKillAndTheSameProducerGoesOn() throws Exception {
        try (BrokerProcess broker = BrokerProcess.start(BrokerOptions.temporary())) {
            String bootstrap = broker.bootstrapServers();
            Clients.createTopic(bootstrap, "numbers", 1);
            try (var producer = Clients.transactionalProducer(bootstrap, "survivor")) {
                producer.initTransactions();
                Clients.commit(producer, "numbers", 0, 100);
                long firstLife = broker.pid();

                broker.kill();
                assertThat(broker.isAlive()).isFalse();
                broker.restart();

                assertThat(broker.pid()).isNotEqualTo(firstLife);
                assertThat(broker.bootstrapServers()).isEqualTo(bootstrap);
                Clients.commit(producer, "numbers", 100, 200);
            }
            assertThat(Clients.readCommitted(bootstrap, "numbers")).isEqualTo(Clients.values(0, 200));
        }
    }
}
