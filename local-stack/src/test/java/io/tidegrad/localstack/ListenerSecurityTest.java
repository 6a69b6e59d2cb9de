package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.LongProof;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.junit.jupiter.api.Test;

/// TLS is covered where all of Tidegrad's clients meet such a broker, in the command line's tests.
@LongProof("a broker process with TLS")
class ListenerSecurityTest {
    private static int nodes(BrokerProcess broker, String password) throws Exception {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", broker.bootstrapServers());
        settings.put("security.protocol", "SASL_PLAINTEXT");
        settings.put("sasl.mechanism", "SCRAM-SHA-512");
        settings.put("sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"ada\" password=\""
                        + password + "\";");
        try (Admin admin = Admin.create(settings)) {
            return admin.describeCluster().nodes().get().size();
        }
    }

    @Test
    void aBrokerProcessLetsInItsOneUserAndNobodyElse() throws Exception {
        ListenerSecurity security = new ListenerSecurity(new ListenerSecurity.User("ada", "right"), null);
        try (BrokerProcess broker = BrokerProcess.start(BrokerOptions.temporary().withSecurity(security))) {
            assertThat(nodes(broker, "right")).isEqualTo(1);
            assertThatThrownBy(() -> nodes(broker, "wrong")).isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(SaslAuthenticationException.class);
            broker.stop();
            broker.restart();
            assertThat(nodes(broker, "right")).isEqualTo(1);
        }
    }
}
