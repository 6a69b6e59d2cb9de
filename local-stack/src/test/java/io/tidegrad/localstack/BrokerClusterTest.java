package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.LongProof;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

@LongProof("three broker processes")
final class BrokerClusterTest {
    @Test
    void twoOfThreeProcessesGoOnWhenTheLeaderIsKilledAndTheThirdComesBack() throws Exception {
        try (BrokerCluster cluster = BrokerCluster.start(BrokerOptions.temporary().withNodes(3))) {
            String bootstrap = cluster.bootstrapServers();
            Clients.createTopic(bootstrap, "numbers", 3);
            TopicPartition numbers = new TopicPartition("numbers", 0);
            try (var producer = Clients.transactionalProducer(bootstrap, "three")) {
                producer.initTransactions();
                Clients.commit(producer, "numbers", 0, 100);

                BrokerProcess leader = cluster.leaderOf(numbers);
                leader.kill();
                Clients.commit(producer, "numbers", 100, 200);
                assertThat(cluster.leaderOf(numbers).id()).isNotEqualTo(leader.id());
                assertThat(cluster.controller().isAlive()).isTrue();

                leader.restart();
                assertThat(leader.isAlive()).isTrue();
                Clients.commit(producer, "numbers", 200, 300);
            }
            assertThat(Clients.readCommitted(bootstrap, "numbers")).isEqualTo(Clients.values(0, 300));
        }
    }
}
